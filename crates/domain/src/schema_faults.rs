//! What a schema finds wrong, in sentences that a person can act on and that never quote what was sent.

use std::collections::HashSet;

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::{Location, LocationSegment},
};
use serde_json::Value;

use crate::{
    refusal::{Fault, MOST_TOLD},
    schema::{are_equal, pairs},
};

/// The formats of 2020-12 without the two of international names, with the words for what has one.
pub(crate) const FORMATS: [(&str, &str); 17] = [
    ("date", "a date that exists, such as 2016-12-31"),
    ("date-time", "a date and time that exist, such as 2016-12-31T23:59:59Z"),
    ("duration", "a duration such as P1DT12H"),
    ("email", "an e-mail address"),
    ("hostname", "a host name such as www.example.com"),
    ("ipv4", "an IPv4 address such as 192.0.2.1"),
    ("ipv6", "an IPv6 address such as 2001:db8::1"),
    ("iri", "a web address such as https://example.com/"),
    ("iri-reference", "a web address, or a part of one such as /page"),
    ("json-pointer", "a JSON pointer such as /items/0"),
    ("regex", "a regular expression such as ^[a-z]+$"),
    ("relative-json-pointer", "a relative JSON pointer such as 1/items"),
    ("time", "a time such as 23:59:59Z"),
    ("uri", "a web address such as https://example.com/"),
    ("uri-reference", "a web address, or a part of one such as /page"),
    ("uri-template", "a template of a web address such as https://example.com/{page}"),
    ("uuid", "a UUID such as 019dd6a3-5a3c-7b02-8d9e-2f6c1a4b7e90"),
];

/// One fault for each thing that is wrong, up to one more than is told; the same sentence at the same place comes once.
pub(crate) fn all<'a>(
    errors: impl Iterator<Item = ValidationError<'a>>,
    schema: &Value,
    fields: &Value,
    names: &HashSet<String>,
) -> Vec<Fault> {
    let errors: Vec<_> = errors.take(MOST_TOLD + 1).collect();
    let required = errors.iter().filter_map(|error| match error.kind() {
        Kind::Required { property } => Some(at(error, property.as_str()?)),
        _ => None,
    });
    let required: HashSet<Vec<String>> = required.collect();
    let mut faults = Vec::new();
    for error in &errors {
        for (path, code, sentence) in said(error, schema, fields, &required) {
            let path_is_ours =
                path.iter().all(|name| names.contains(name) || name.parse::<usize>().is_ok());
            let fault = Fault::of_schema(path, code, sentence, path_is_ours);
            if faults.len() <= MOST_TOLD && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

type Said = (Vec<String>, &'static str, String);

fn said(
    error: &ValidationError<'_>,
    schema: &Value,
    fields: &Value,
    required: &HashSet<Vec<String>>,
) -> Vec<Said> {
    let own = own_sentence(error.schema_path(), schema);
    match error.kind() {
        Kind::Required { property } => {
            let member = property.as_str().unwrap_or_default();
            vec![(
                at(error, member),
                "field_required",
                own.unwrap_or_else(|| "This field is required.".to_owned()),
            )]
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let sentence = own.unwrap_or_else(|| "This field is not known.".to_owned());
            unexpected
                .iter()
                .map(|member| (at(error, member), "field_unknown", sentence.clone()))
                .collect()
        }
        Kind::Custom { keyword, .. } if keyword == "equalTo" => {
            let instance = fields.pointer(error.instance_path().as_str()).unwrap_or(&Value::Null);
            let pairs =
                schema.pointer(error.schema_path().as_str()).and_then(pairs).unwrap_or_default();
            // A member that is missing is told as such.
            let is_told = |member: &str| required.contains(&at(error, member));
            let differing = pairs.into_iter().filter(|(one, other)| {
                !are_equal(instance, one, other) && !is_told(one) && !is_told(other)
            });
            let said = differing.map(|(one, other)| {
                (
                    at(error, &other),
                    "not_equal",
                    own.clone().unwrap_or_else(|| format!("This must be the same as {one}.")),
                )
            });
            said.collect()
        }
        Kind::PropertyNames { error: of_name } => {
            let name = of_name.instance().as_str().unwrap_or_default();
            let own = own_sentence(of_name.schema_path(), schema).or(own);
            vec![(
                at(error, name),
                "not_valid",
                own.unwrap_or_else(|| "This field is not known.".to_owned()),
            )]
        }
        kind => {
            let (code, sentence) = of_value(kind, error);
            vec![(segments(error.instance_path()), code, own.unwrap_or(sentence))]
        }
    }
}

/// What is wrong with a value. Limits and choices are the schema's.
fn of_value(kind: &Kind, error: &ValidationError<'_>) -> (&'static str, String) {
    let fixed = |code, sentence: &str| (code, sentence.to_owned());
    let is_null = error.instance().is_null();
    match kind {
        Kind::Type { .. } | Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } if is_null => {
            fixed("field_null", "This field may not be null.")
        }
        Kind::Type { kind } => ("wrong_type", format!("This must be {}.", types(kind))),
        Kind::MinLength { limit: 1 } => fixed("blank", "This field may not be blank."),
        Kind::MinLength { limit } => {
            ("too_short", format!("This must have at least {}.", counted(*limit, "character")))
        }
        Kind::MaxLength { limit } => {
            ("too_long", format!("This must have no more than {}.", counted(*limit, "character")))
        }
        Kind::Enum { options } => {
            ("not_a_choice", format!("This must be one of: {}.", choices(options)))
        }
        Kind::Constant { expected_value } => {
            ("not_a_choice", format!("This must be {expected_value}."))
        }
        Kind::Format { format } => {
            ("wrong_format", format!("This must be {}.", format_in_words(format)))
        }
        Kind::Pattern { .. } => fixed("wrong_format", "This does not have the right form."),
        Kind::Minimum { limit } => ("too_small", format!("This must be {limit} or more.")),
        Kind::ExclusiveMinimum { limit } => {
            ("too_small", format!("This must be more than {limit}."))
        }
        Kind::Maximum { limit } => ("too_large", format!("This must be {limit} or less.")),
        Kind::ExclusiveMaximum { limit } => {
            ("too_large", format!("This must be less than {limit}."))
        }
        Kind::MultipleOf { multiple_of } => {
            ("not_a_multiple", format!("This must be a multiple of {multiple_of}."))
        }
        Kind::MinItems { limit } => {
            ("too_few", format!("This must have at least {}.", counted(*limit, "item")))
        }
        Kind::MaxItems { limit } => {
            ("too_many", format!("This must have no more than {}.", counted(*limit, "item")))
        }
        Kind::MinProperties { limit } => {
            ("not_valid", format!("This must have at least {}.", counted(*limit, "field")))
        }
        Kind::MaxProperties { limit } => {
            ("not_valid", format!("This must have no more than {}.", counted(*limit, "field")))
        }
        Kind::UniqueItems => fixed("repeated", "No item may be there twice."),
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => {
            fixed("not_valid", "This has items that are not allowed.")
        }
        Kind::FalseSchema if is_item(error) => {
            fixed("not_allowed", "This item is not allowed here.")
        }
        Kind::FalseSchema => fixed("not_allowed", "This field is not allowed here."),
        // What combines other schemas, and whatever may come: its author can say it better with `message`.
        Kind::Contains if error.schema_path().as_str().ends_with("/maxContains") => {
            fixed("not_valid", "An item is missing, or there too often.")
        }
        Kind::Contains => fixed("not_valid", "An item that is needed is missing."),
        Kind::Not { .. } => fixed("not_valid", "This value is not allowed."),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            fixed("not_valid", "This does not fit any of what is allowed.")
        }
        Kind::OneOfMultipleValid { .. } => {
            fixed("not_valid", "This fits more than one of what is allowed.")
        }
        _ => fixed("not_valid", "This is not valid."),
    }
}

fn counted(limit: u64, what: &str) -> String {
    if limit == 1 { format!("1 {what}") } else { format!("{limit} {what}s") }
}

fn types(kind: &TypeKind) -> String {
    let in_words = |one: JsonType| match one {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "text",
    };
    match kind {
        TypeKind::Single(one) => in_words(*one).to_owned(),
        TypeKind::Multiple(set) => set.iter().map(in_words).collect::<Vec<_>>().join(" or "),
    }
}

fn choices(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    options.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

fn format_in_words(format: &str) -> &str {
    FORMATS.iter().find(|(known, _)| *known == format).map_or("of another form", |(_, words)| words)
}

/// The `message` of the subschema that failed, which holds the keyword at the end of the path.
fn own_sentence(schema_path: &Location, schema: &Value) -> Option<String> {
    let (subschema, _keyword) = schema_path.as_str().rsplit_once('/')?;
    Some(schema.pointer(subschema)?.get("message")?.as_str()?.to_owned())
}

/// The place of a member of what is wrong.
fn at(error: &ValidationError<'_>, member: &str) -> Vec<String> {
    let mut path = segments(error.instance_path());
    path.push(member.to_owned());
    path
}

/// Whether what is wrong is an item of a list.
fn is_item(error: &ValidationError<'_>) -> bool {
    matches!(error.instance_path().segments().last(), Some(LocationSegment::Index(_)))
}

fn segments(location: &Location) -> Vec<String> {
    location.segments().map(|segment| segment.to_string()).collect()
}
