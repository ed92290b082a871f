//! What a schema finds wrong, in sentences that a person can act on and that never quote what was sent.

use std::collections::HashSet;

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::Location,
};
use serde_json::Value;

use crate::{
    refusal::Fault,
    schema::{are_equal, pairs},
};

/// One fault for each thing that is wrong; the same sentence at the same place comes once.
pub(crate) fn all<'a>(
    errors: impl Iterator<Item = ValidationError<'a>>,
    schema: &Value,
    fields: &Value,
    names: &HashSet<String>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for error in errors {
        for (path, code, sentence) in said(&error, schema, fields) {
            let path_is_ours = path.iter().all(|name| names.contains(name) || name.parse::<usize>().is_ok());
            let fault = Fault::of_schema(path, code, sentence, path_is_ours);
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

type Said = (Vec<String>, &'static str, String);

fn said(error: &ValidationError<'_>, schema: &Value, fields: &Value) -> Vec<Said> {
    let path = segments(error.instance_path());
    let own = own_sentence(error.schema_path(), schema);
    let at = |member: &str| path.iter().cloned().chain([member.to_owned()]).collect::<Vec<_>>();
    match error.kind() {
        Kind::Required { property } => {
            let member = property.as_str().unwrap_or_default();
            vec![(at(member), "field_required", own.unwrap_or_else(|| "This field is required.".to_owned()))]
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let sentence = own.unwrap_or_else(|| "This field is not known.".to_owned());
            unexpected.iter().map(|member| (at(member), "field_unknown", sentence.clone())).collect()
        }
        Kind::Custom { keyword, .. } if keyword == "equalTo" => {
            let instance = fields.pointer(error.instance_path().as_str()).unwrap_or(&Value::Null);
            let pairs = schema.pointer(error.schema_path().as_str()).and_then(pairs).unwrap_or_default();
            let differing = pairs.into_iter().filter(|(one, other)| !are_equal(instance, one, other));
            let said = differing.map(|(one, other)| {
                (at(&other), "not_equal", own.clone().unwrap_or_else(|| format!("This must be the same as {one}.")))
            });
            said.collect()
        }
        kind => {
            let (code, sentence) = of_value(kind, error.instance());
            vec![(path, code, own.unwrap_or(sentence))]
        }
    }
}

/// What is wrong with a value. Limits and choices are the schema's.
fn of_value(kind: &Kind, instance: &Value) -> (&'static str, String) {
    let fixed = |code, sentence: &str| (code, sentence.to_owned());
    match kind {
        Kind::Type { .. } if instance.is_null() => fixed("field_null", "This field may not be null."),
        Kind::Type { kind } => ("wrong_type", format!("This must be {}.", types(kind))),
        Kind::MinLength { limit: 1 } => fixed("blank", "This field may not be blank."),
        Kind::MinLength { limit } => ("too_short", format!("This must have at least {limit} characters.")),
        Kind::MaxLength { limit } => ("too_long", format!("This must have no more than {limit} characters.")),
        Kind::Enum { options } => ("not_a_choice", format!("This must be one of: {}.", choices(options))),
        Kind::Constant { expected_value } => ("not_a_choice", format!("This must be {}.", choice(expected_value))),
        Kind::Format { format } => ("wrong_format", format!("This must be {}.", format_in_words(format))),
        Kind::Pattern { .. } => fixed("wrong_format", "This does not have the right form."),
        Kind::Minimum { limit } => ("too_small", format!("This must be {limit} or more.")),
        Kind::ExclusiveMinimum { limit } => ("too_small", format!("This must be more than {limit}.")),
        Kind::Maximum { limit } => ("too_large", format!("This must be {limit} or less.")),
        Kind::ExclusiveMaximum { limit } => ("too_large", format!("This must be less than {limit}.")),
        Kind::MultipleOf { multiple_of } => ("not_a_multiple", format!("This must be a multiple of {multiple_of}.")),
        Kind::MinItems { limit } => ("too_few", format!("This must have at least {limit} items.")),
        Kind::MaxItems { limit } => ("too_many", format!("This must have no more than {limit} items.")),
        Kind::UniqueItems => fixed("repeated", "No item may be there twice."),
        Kind::FalseSchema => fixed("not_allowed", "This field is not allowed here."),
        // What combines other schemas, and whatever may come: its author can say it better with `message`.
        _ => fixed("not_valid", "This is not valid."),
    }
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
    options.iter().map(choice).collect::<Vec<_>>().join(", ")
}

fn choice(option: &Value) -> String {
    option.as_str().map_or_else(|| option.to_string(), str::to_owned)
}

fn format_in_words(format: &str) -> String {
    match format {
        "email" | "idn-email" => "an e-mail address".to_owned(),
        "date" => "a date such as 2016-12-31".to_owned(),
        "date-time" => "a date and time such as 2016-12-31T23:59:59Z".to_owned(),
        "time" => "a time such as 23:59:59Z".to_owned(),
        "uri" | "iri" => "a web address such as https://example.com/".to_owned(),
        "uuid" => "a UUID".to_owned(),
        other => format!("a valid {other}"),
    }
}

/// The `message` of the subschema that failed, which holds the keyword at the end of the path.
fn own_sentence(schema_path: &Location, schema: &Value) -> Option<String> {
    let (subschema, _keyword) = schema_path.as_str().rsplit_once('/')?;
    Some(schema.pointer(subschema)?.get("message")?.as_str()?.to_owned())
}

fn segments(location: &Location) -> Vec<String> {
    location.segments().map(|segment| segment.to_string()).collect()
}
