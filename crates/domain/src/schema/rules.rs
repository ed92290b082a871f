//! The rules for schemas.
//!
//! The library silently ignores keywords it does not know, and then a form goes unchecked. These
//! rules refuse such a schema. They also replace the library's error messages that do not help.

use jsonschema::{
    ReferencingError, ValidationError, error::ValidationErrorKind as Kind, paths::Location,
};
use regex::Regex;
use serde_json::{Map, Value};

use super::{
    bad_schema::BadSchema,
    equal_to,
    formats::{self, FORMATS},
    message,
};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// # Errors
/// The first mistake in the document or in a schema inside it.
pub(crate) fn check_schema(document: &Value) -> Result<(), BadSchema> {
    for (place, schema) in find_schemas(document) {
        for (keyword, value) in schema {
            if let Some(mistake) = find_mistake(keyword, value, schema) {
                return Err(BadSchema::at(place.join(keyword.as_str()).as_str(), mistake));
            }
        }
    }
    match document.get("type") {
        Some(Value::String(one)) if one == "object" => Ok(()),
        Some(Value::Array(types)) if types.iter().any(|one| one == "object") => Ok(()),
        None => Ok(()),
        Some(_) => {
            Err(BadSchema::at("/type", "must allow object, because every form is an object"))
        }
    }
}

/// Explains an error of the library.
pub(crate) fn explain(error: &ValidationError<'_>, document: &Value) -> BadSchema {
    let place = error.instance_path().as_str();
    match error.kind() {
        Kind::Format { format } if format == "regex" => {
            BadSchema::at(place, explain_pattern(error.instance()))
        }
        // Only the names in `patternProperties` have rules.
        Kind::PropertyNames { error } => BadSchema::at(place, explain_pattern(error.instance())),
        Kind::Referencing(ReferencingError::Unretrievable { uri, .. }) => {
            let target = uri.split('#').next().unwrap_or_default();
            let place =
                find_reference(document, |file, _| !file.is_empty() && target.ends_with(file));
            BadSchema::at(&place, "$ref may only point into the same file")
        }
        Kind::Referencing(
            ReferencingError::PointerToNowhere { pointer: target }
            | ReferencingError::NoSuchAnchor { anchor: target },
        ) => BadSchema::at(
            &find_reference(document, |_, fragment| fragment == target),
            "$ref points to something that does not exist",
        ),
        _ => BadSchema::at(place, error.to_string()),
    }
}

/// The place of the reference that failed. The library does not name it, so this is the first
/// reference with the same target.
fn find_reference(document: &Value, has_target: impl Fn(&str, &str) -> bool) -> String {
    let mut references = find_schemas(document).into_iter().filter_map(|(place, schema)| {
        let keyword =
            ["$ref", "$dynamicRef"].into_iter().find(|keyword| schema.contains_key(*keyword))?;
        Some((place.join(keyword), schema.get(keyword)?.as_str()?))
    });
    let found = references.find(|(_, reference)| {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        has_target(file, fragment)
    });
    found.map(|(place, _)| place.as_str().to_owned()).unwrap_or_default()
}

/// What the value of a keyword can be.
enum KeywordValue {
    /// Anything else than schemas; the names inside it are not keywords.
    Plain,
    Schema,
    ListOfSchemas,
    SchemasByName,
}

/// Knows the keywords of 2020-12, our own, and those that start with `x-`; `None` for any other.
fn keyword_value(keyword: &str) -> Option<KeywordValue> {
    let value = match keyword {
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties"
        | "properties" => KeywordValue::SchemasByName,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => KeywordValue::ListOfSchemas,
        "additionalProperties"
        | "contains"
        | "contentSchema"
        | "else"
        | "if"
        | "items"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => KeywordValue::Schema,
        "$anchor" | "$comment" | "$dynamicAnchor" | "$dynamicRef" | "$id" | "$ref" | "$schema"
        | "$vocabulary" => KeywordValue::Plain,
        "const" | "dependentRequired" | "enum" | "exclusiveMaximum" | "exclusiveMinimum"
        | "format" | "maxContains" | "maxItems" | "maxLength" | "maxProperties" | "maximum"
        | "minContains" | "minItems" | "minLength" | "minProperties" | "minimum" | "multipleOf"
        | "pattern" | "required" | "type" | "uniqueItems" => KeywordValue::Plain,
        "contentEncoding" | "contentMediaType" | "default" | "deprecated" | "description"
        | "examples" | "readOnly" | "title" | "writeOnly" => KeywordValue::Plain,
        "equalTo" | "message" => KeywordValue::Plain,
        _ if keyword.starts_with("x-") => KeywordValue::Plain,
        _ => return None,
    };
    Some(value)
}

/// The document and every schema inside it, with their places.
fn find_schemas(document: &Value) -> Vec<(Location, &Map<String, Value>)> {
    let mut found = Vec::new();
    collect_schemas(document, Location::new(), &mut found);
    found
}

// The recursion ends because the parser stops at a depth of 127.
fn collect_schemas<'a>(
    schema: &'a Value,
    place: Location,
    found: &mut Vec<(Location, &'a Map<String, Value>)>,
) {
    let Value::Object(members) = schema else { return };
    found.push((place.clone(), members));
    for (keyword, value) in members {
        let place = place.join(keyword.as_str());
        match (keyword_value(keyword), value) {
            (Some(KeywordValue::Schema), value) => collect_schemas(value, place, found),
            (Some(KeywordValue::ListOfSchemas), Value::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    collect_schemas(schema, place.join(index), found);
                }
            }
            (Some(KeywordValue::SchemasByName), Value::Object(schemas)) => {
                for (name, schema) in schemas {
                    collect_schemas(schema, place.join(name.as_str()), found);
                }
            }
            _ => {}
        }
    }
}

fn find_mistake(keyword: &str, value: &Value, schema: &Map<String, Value>) -> Option<String> {
    match (keyword, value) {
        _ if keyword_value(keyword).is_none() => Some(
            "unknown keyword: use a keyword of JSON Schema 2020-12, equalTo, message, or a name that \
             starts with x-"
                .to_owned(),
        ),
        ("$schema", _) => {
            let is_ours = value
                .as_str()
                .is_some_and(|dialect| dialect.strip_suffix('#').unwrap_or(dialect) == DIALECT);
            (!is_ours).then(|| format!("must be {DIALECT}"))
        }
        ("type", Value::Array(types)) => types.iter().find_map(find_type_mistake),
        ("type", one) => find_type_mistake(one),
        ("format", Value::String(format)) if !formats::is_known(format) => {
            let known = FORMATS.map(|(known, _)| known).join(", ");
            Some(format!("unknown format \"{format}\": the formats are {known}"))
        }
        (message::KEYWORD, _) => {
            let is_sentence = value.as_str().is_some_and(|text| !text.trim().is_empty());
            (!is_sentence).then(|| "must be text that is not blank".to_owned())
        }
        (equal_to::KEYWORD, _) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            find_pair_mistake(value, properties)
        }
        _ => None,
    }
}

fn find_type_mistake(name: &Value) -> Option<String> {
    (!TYPES.iter().any(|known| name == known))
        .then(|| format!("must be one of {}", TYPES.join(", ")))
}

fn find_pair_mistake(value: &Value, properties: Option<&Map<String, Value>>) -> Option<String> {
    let Some(pairs) = equal_to::parse_pairs(value) else {
        return Some("must be a list of pairs of member names".to_owned());
    };
    pairs.into_iter().find_map(|(one, other)| {
        if one == other {
            return Some(format!("names {one} twice in one pair"));
        }
        let unknown = [one, other]
            .into_iter()
            .find(|name| properties.is_some_and(|known| !known.contains_key(name)));
        unknown.map(|name| format!("names {name}, which is not in the properties beside it"))
    })
}

/// The last line of the regex engine's own error, without its drawing of the place.
fn explain_pattern(pattern: &Value) -> String {
    let error =
        Regex::new(pattern.as_str().unwrap_or_default()).err().map(|error| error.to_string());
    let reason =
        error.as_deref().and_then(|error| error.lines().last()).unwrap_or("it cannot be read");
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    format!("{pattern} is not a regular expression: {reason}")
}
