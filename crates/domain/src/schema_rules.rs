//! What a schema may say. The library passes over in silence what it does not know, and then a form is not checked:
//! here that is refused, and what the library would refuse in words that help nobody.

use jsonschema::{
    ReferencingError, ValidationError, error::ValidationErrorKind as Kind, paths::Location,
};
use regex::Regex;
use serde_json::{Map, Value};

use crate::{
    schema::{BadSchema, pairs},
    schema_faults::FORMATS,
};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// # Errors
/// The first thing that is wrong with the document or a schema in it.
pub(crate) fn check(document: &Value) -> Result<(), BadSchema> {
    for (place, schema) in schemas(document) {
        for (keyword, value) in schema {
            if let Some(what) = wrong(keyword, value, schema) {
                return Err(BadSchema::at(place.join(keyword.as_str()).as_str(), what));
            }
        }
    }
    match document.get("type") {
        Some(Value::String(one)) if one == "object" => Ok(()),
        Some(Value::Array(types)) if types.iter().any(|one| one == "object") => Ok(()),
        None => Ok(()),
        Some(_) => Err(BadSchema::at("/type", "must be object, because every form is one")),
    }
}

/// What the library found wrong.
pub(crate) fn in_words(error: &ValidationError<'_>, document: &Value) -> BadSchema {
    let place = error.instance_path().as_str();
    match error.kind() {
        Kind::Format { format } if format == "regex" => {
            BadSchema::at(place, wrong_pattern(error.instance()))
        }
        // Of `patternProperties`, the only names that have rules.
        Kind::PropertyNames { error } => BadSchema::at(place, wrong_pattern(error.instance())),
        Kind::Referencing(ReferencingError::Unretrievable { uri, .. }) => {
            let target = uri.split('#').next().unwrap_or_default();
            let place =
                place_of_reference(document, |file, _| !file.is_empty() && target.ends_with(file));
            BadSchema::at(&place, "$ref may only point into this file")
        }
        Kind::Referencing(
            ReferencingError::PointerToNowhere { pointer: target }
            | ReferencingError::NoSuchAnchor { anchor: target },
        ) => BadSchema::at(
            &place_of_reference(document, |_, fragment| fragment == target),
            "$ref points at nothing",
        ),
        _ => BadSchema::at(place, error.to_string()),
    }
}

/// The library does not say which reference it is; this is the first of those that may be.
fn place_of_reference(document: &Value, leads_there: impl Fn(&str, &str) -> bool) -> String {
    let mut references = schemas(document).into_iter().filter_map(|(place, schema)| {
        let keyword =
            ["$ref", "$dynamicRef"].into_iter().find(|keyword| schema.contains_key(*keyword))?;
        Some((place.join(keyword), schema.get(keyword)?.as_str()?))
    });
    let found = references.find(|(_, reference)| {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        leads_there(file, fragment)
    });
    found.map(|(place, _)| place.as_str().to_owned()).unwrap_or_default()
}

/// What the value of a keyword holds.
enum Holds {
    /// No schema; keys in it are no keywords.
    Values,
    Schema,
    Schemas,
    SchemasByName,
}

/// The keywords of 2020-12, ours, and what begins with `x-`; `None` for any other.
fn holds(keyword: &str) -> Option<Holds> {
    let holds = match keyword {
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties"
        | "properties" => Holds::SchemasByName,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Holds::Schemas,
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
        | "unevaluatedProperties" => Holds::Schema,
        "$anchor" | "$comment" | "$dynamicAnchor" | "$dynamicRef" | "$id" | "$ref" | "$schema"
        | "$vocabulary" => Holds::Values,
        "const" | "dependentRequired" | "enum" | "exclusiveMaximum" | "exclusiveMinimum"
        | "format" | "maxContains" | "maxItems" | "maxLength" | "maxProperties" | "maximum"
        | "minContains" | "minItems" | "minLength" | "minProperties" | "minimum" | "multipleOf"
        | "pattern" | "required" | "type" | "uniqueItems" => Holds::Values,
        "contentEncoding" | "contentMediaType" | "default" | "deprecated" | "description"
        | "examples" | "readOnly" | "title" | "writeOnly" => Holds::Values,
        "equalTo" | "message" => Holds::Values,
        _ if keyword.starts_with("x-") => Holds::Values,
        _ => return None,
    };
    Some(holds)
}

/// The document, and every schema in it, with their places.
fn schemas(document: &Value) -> Vec<(Location, &Map<String, Value>)> {
    let mut found = Vec::new();
    collect(document, Location::new(), &mut found);
    found
}

// Recursion ends: the parser stops at a depth of 127.
fn collect<'a>(
    schema: &'a Value,
    place: Location,
    found: &mut Vec<(Location, &'a Map<String, Value>)>,
) {
    let Value::Object(members) = schema else { return };
    found.push((place.clone(), members));
    for (keyword, value) in members {
        let place = place.join(keyword.as_str());
        match (holds(keyword), value) {
            (Some(Holds::Schema), value) => collect(value, place, found),
            (Some(Holds::Schemas), Value::Array(schemas)) => {
                schemas
                    .iter()
                    .enumerate()
                    .for_each(|(index, schema)| collect(schema, place.join(index), found));
            }
            (Some(Holds::SchemasByName), Value::Object(schemas)) => {
                schemas
                    .iter()
                    .for_each(|(name, schema)| collect(schema, place.join(name.as_str()), found));
            }
            _ => {}
        }
    }
}

fn wrong(keyword: &str, value: &Value, schema: &Map<String, Value>) -> Option<String> {
    match (keyword, value) {
        _ if holds(keyword).is_none() => Some(
            "it is no keyword of JSON Schema 2020-12, nor equalTo or message, and does not begin with x-".to_owned(),
        ),
        ("$schema", _) => {
            let is_ours = value.as_str().is_some_and(|dialect| dialect.strip_suffix('#').unwrap_or(dialect) == DIALECT);
            (!is_ours).then(|| format!("must be {DIALECT}"))
        }
        ("type", Value::Array(types)) => types.iter().find_map(wrong_type),
        ("type", one) => wrong_type(one),
        ("format", Value::String(format)) if !FORMATS.iter().any(|(known, _)| known == format) => {
            let known: Vec<&str> = FORMATS.iter().map(|(known, _)| *known).collect();
            Some(format!("format \"{format}\" is not known; known are {}", known.join(", ")))
        }
        ("message", _) => {
            let is_sentence = value.as_str().is_some_and(|text| !text.trim().is_empty());
            (!is_sentence).then(|| "message must be text that is not blank".to_owned())
        }
        ("equalTo", _) => wrong_pairs(value, schema.get("properties").and_then(Value::as_object)),
        _ => None,
    }
}

fn wrong_type(named: &Value) -> Option<String> {
    (!TYPES.iter().any(|known| named == known))
        .then(|| format!("must be one of {}", TYPES.join(", ")))
}

fn wrong_pairs(value: &Value, properties: Option<&Map<String, Value>>) -> Option<String> {
    let Some(pairs) = pairs(value) else {
        return Some("equalTo must be a list of pairs of member names".to_owned());
    };
    pairs.into_iter().find_map(|(one, other)| {
        if one == other {
            return Some(format!("equalTo names {one} twice"));
        }
        let unknown = [one, other]
            .into_iter()
            .find(|name| properties.is_some_and(|known| !known.contains_key(name)));
        unknown.map(|name| {
            format!("equalTo names {name}, which is not among the properties beside it")
        })
    })
}

/// The last line of the engine's own words, which has no picture of the place.
fn wrong_pattern(pattern: &Value) -> String {
    let words =
        Regex::new(pattern.as_str().unwrap_or_default()).err().map(|error| error.to_string());
    let what =
        words.as_deref().and_then(|words| words.lines().last()).unwrap_or("it cannot be read");
    format!(
        "{pattern} is not a regular expression: {}",
        what.strip_prefix("error: ").unwrap_or(what)
    )
}
