//! A sentence for every error that a schema finds: a person can act on it, and it never quotes the
//! submission.

use std::collections::HashSet;

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::{Location, LocationSegment},
};
use serde_json::Value;

use super::{equal_to, formats};
use crate::refusal::{Fault, MAX_REPORTED};

/// One fault for each error, up to one more than an answer reports.
///
/// The same sentence at the same place comes only once.
pub(crate) fn describe_errors<'a>(
    errors: impl Iterator<Item = ValidationError<'a>>,
    schema: &Value,
    fields: &Value,
    names: &HashSet<String>,
) -> Vec<Fault> {
    let errors: Vec<_> = errors.take(MAX_REPORTED + 1).collect();
    let missing = errors.iter().filter_map(|error| match error.kind() {
        Kind::Required { property } => Some(member_path(error, property.as_str()?)),
        _ => None,
    });
    let missing: HashSet<Vec<String>> = missing.collect();
    let mut faults = Vec::new();
    for error in &errors {
        for (path, code, sentence) in describe_error(error, schema, fields, &missing) {
            let path_is_ours =
                path.iter().all(|name| names.contains(name) || name.parse::<usize>().is_ok());
            let fault = Fault::from_schema(path, code, sentence, path_is_ours);
            if faults.len() <= MAX_REPORTED && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

/// Path, code and sentence of a fault.
type Description = (Vec<String>, &'static str, String);

fn describe_error(
    error: &ValidationError<'_>,
    schema: &Value,
    fields: &Value,
    missing: &HashSet<Vec<String>>,
) -> Vec<Description> {
    let own = own_sentence(error.schema_path(), schema);
    match error.kind() {
        Kind::Required { property } => {
            let member = property.as_str().unwrap_or_default();
            vec![(
                member_path(error, member),
                "field_required",
                own.unwrap_or_else(|| "This field is required.".to_owned()),
            )]
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let sentence = own.unwrap_or_else(|| UNKNOWN_FIELD.to_owned());
            unexpected
                .iter()
                .map(|member| (member_path(error, member), "field_unknown", sentence.clone()))
                .collect()
        }
        Kind::Custom { keyword, .. } if keyword == equal_to::KEYWORD => {
            describe_unequal_pairs(error, schema, fields, missing, own)
        }
        Kind::PropertyNames { error: name_error } => {
            let name = name_error.instance().as_str().unwrap_or_default();
            let own = own_sentence(name_error.schema_path(), schema).or(own);
            vec![(
                member_path(error, name),
                "not_valid",
                own.unwrap_or_else(|| UNKNOWN_FIELD.to_owned()),
            )]
        }
        kind => {
            let (code, sentence) = describe_value(kind, error);
            vec![(segments(error.instance_path()), code, own.unwrap_or(sentence))]
        }
    }
}

const UNKNOWN_FIELD: &str = "This field is not recognised.";

/// The pairs of an `equalTo` that differ.
fn describe_unequal_pairs(
    error: &ValidationError<'_>,
    schema: &Value,
    fields: &Value,
    missing: &HashSet<Vec<String>>,
    own: Option<String>,
) -> Vec<Description> {
    let instance = fields.pointer(error.instance_path().as_str()).unwrap_or(&Value::Null);
    let pairs = schema.pointer(error.schema_path().as_str()).and_then(equal_to::parse_pairs);
    // A missing member has a fault of its own.
    let is_missing = |member: &str| missing.contains(&member_path(error, member));
    let differing = pairs.unwrap_or_default().into_iter().filter(|(one, other)| {
        !equal_to::are_equal(instance, one, other) && !is_missing(one) && !is_missing(other)
    });
    let described = differing.map(|(one, other)| {
        let sentence = own.clone().unwrap_or_else(|| format!("This must be the same as {one}."));
        (member_path(error, &other), "not_equal", sentence)
    });
    described.collect()
}

/// What is wrong with a value. Limits and choices are quoted from the schema.
fn describe_value(kind: &Kind, error: &ValidationError<'_>) -> (&'static str, String) {
    let fixed = |code, sentence: &str| (code, sentence.to_owned());
    let is_null = error.instance().is_null();
    match kind {
        Kind::Type { .. } | Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } if is_null => {
            fixed("field_null", "This field may not be null.")
        }
        Kind::Type { kind } => ("wrong_type", format!("This must be {}.", list_types(kind))),
        Kind::MinLength { limit: 1 } => fixed("blank", "This field may not be blank."),
        Kind::MinLength { limit } => ("too_short", at_least(*limit, "character")),
        Kind::MaxLength { limit } => ("too_long", at_most(*limit, "character")),
        Kind::Enum { options } => {
            ("not_a_choice", format!("This must be one of: {}.", list_choices(options)))
        }
        Kind::Constant { expected_value } => {
            ("not_a_choice", format!("This must be {expected_value}."))
        }
        Kind::Format { format } => {
            let words = formats::in_words(format).unwrap_or("in another format");
            ("wrong_format", format!("This must be {words}."))
        }
        Kind::Pattern { .. } => fixed("wrong_format", "This is not in the right format."),
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
        Kind::MinItems { limit } => ("too_few", at_least(*limit, "item")),
        Kind::MaxItems { limit } => ("too_many", at_most(*limit, "item")),
        Kind::MinProperties { limit } => ("not_valid", at_least(*limit, "field")),
        Kind::MaxProperties { limit } => ("not_valid", at_most(*limit, "field")),
        Kind::UniqueItems => fixed("repeated", "The same item may not appear twice."),
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => {
            fixed("not_valid", "This has items that are not allowed.")
        }
        Kind::FalseSchema if is_item(error) => {
            fixed("not_allowed", "This item is not allowed here.")
        }
        Kind::FalseSchema => fixed("not_allowed", "This field is not allowed here."),
        kind => fixed("not_valid", describe_combination(kind, error)),
    }
}

/// Keywords that combine other schemas, and any keyword that a new version of the library brings.
/// The author of the schema can say it better with `message`.
fn describe_combination(kind: &Kind, error: &ValidationError<'_>) -> &'static str {
    match kind {
        Kind::Contains if error.schema_path().as_str().ends_with("/maxContains") => {
            "A required item is missing or appears too often."
        }
        Kind::Contains => "A required item is missing.",
        Kind::Not { .. } => "This value is not allowed.",
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            "This does not match any of the allowed options."
        }
        Kind::OneOfMultipleValid { .. } => "This matches more than one of the allowed options.",
        _ => "This is not valid.",
    }
}

fn at_least(limit: u64, noun: &str) -> String {
    format!("This must have at least {}.", count(limit, noun))
}

fn at_most(limit: u64, noun: &str) -> String {
    format!("This must have no more than {}.", count(limit, noun))
}

fn count(limit: u64, noun: &str) -> String {
    if limit == 1 { format!("1 {noun}") } else { format!("{limit} {noun}s") }
}

fn list_types(kind: &TypeKind) -> String {
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

fn list_choices(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    options.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

/// The `message` of the subschema that failed. The last part of the path is the keyword in it.
fn own_sentence(schema_path: &Location, schema: &Value) -> Option<String> {
    let (subschema, _keyword) = schema_path.as_str().rsplit_once('/')?;
    Some(schema.pointer(subschema)?.get("message")?.as_str()?.to_owned())
}

/// The path of a member of the object that the error is about.
fn member_path(error: &ValidationError<'_>, member: &str) -> Vec<String> {
    let mut path = segments(error.instance_path());
    path.push(member.to_owned());
    path
}

/// Whether the error is about an item of a list.
fn is_item(error: &ValidationError<'_>) -> bool {
    matches!(error.instance_path().segments().last(), Some(LocationSegment::Index(_)))
}

fn segments(location: &Location) -> Vec<String> {
    location.segments().map(|segment| segment.to_string()).collect()
}
