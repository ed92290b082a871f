//! A JSON Schema (2020-12) with two keywords of our own: `equalTo` and `message`.

use std::{collections::HashSet, fmt};

use jsonschema::{Draft, Keyword, PatternOptions, ValidationError, Validator, paths::Location};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{refusal::Fault, schema_faults, schema_rules};

/// A schema that was found to be right, ready to check fields.
pub(crate) struct Schema {
    document: Value,
    validator: Validator,
    /// Names of members that the schema speaks of anywhere: they are not the sender's text.
    names: HashSet<String>,
}

/// What is wrong with a form type, and where in its schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct BadSchema {
    what: String,
}

impl BadSchema {
    /// `place` is a JSON pointer.
    pub(crate) fn at(place: &str, what: impl fmt::Display) -> Self {
        let place = if place.is_empty() { "the root" } else { place };
        Self { what: format!("at {place}: {what}") }
    }

    pub(crate) fn name() -> Self {
        let rule = "must be 1 to 40 lower-case letters, digits, hyphens and underscores, start with a letter, and not be a route of the service";
        Self { what: format!("its name {rule}") }
    }

    pub(crate) fn missing() -> Self {
        Self {
            what: "it is not built in, and FORM_TYPES_DIR has no schema of this name".to_owned(),
        }
    }
}

impl Schema {
    pub(crate) fn build(text: &str) -> Result<Self, BadSchema> {
        // Some editors write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document: Value = serde_json::from_str(text)
            .map_err(|error| BadSchema { what: format!("it is not JSON: {error}") })?;
        if !document.is_object() {
            return Err(BadSchema { what: "it is not a JSON object".to_owned() });
        }
        schema_rules::check(&document)?;
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            // Linear in the length of the text, whatever a pattern is.
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_keyword("equalTo", equal_to)
            .with_keyword("message", message);
        let validator =
            options.build(&document).map_err(|error| schema_rules::in_words(&error, &document))?;
        let mut names = HashSet::new();
        collect_names(&document, &mut names);
        Ok(Self { document, validator, names })
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// # Errors
    /// Every fault, at least one.
    pub(crate) fn check(&self, fields: &Value) -> Result<(), Vec<Fault>> {
        if self.validator.is_valid(fields) {
            return Ok(());
        }
        let errors = self.validator.iter_errors(fields);
        Err(schema_faults::all(errors, &self.document, fields, &self.names))
    }
}

fn collect_names(schema: &Value, names: &mut HashSet<String>) {
    match schema {
        Value::Object(members) => {
            for (keyword, value) in members {
                match (keyword.as_str(), value) {
                    ("properties" | "dependentSchemas", Value::Object(properties)) => {
                        names.extend(properties.keys().cloned());
                    }
                    ("required", Value::Array(required)) => {
                        names.extend(required.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
                collect_names(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `equalTo: [["a", "b"], …]` on an object: two members must be equal, such as an e-mail address typed twice.
struct EqualTo(Vec<(String, String)>);

impl<'i> Keyword<'i> for EqualTo {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            Ok(())
        } else {
            Err(ValidationError::custom("members differ"))
        }
    }

    fn is_valid(&self, instance: &Value) -> bool {
        self.0.iter().all(|(one, other)| are_equal(instance, one, other))
    }
}

/// Two members that are both absent are equal; what is no object has no members.
pub(crate) fn are_equal(instance: &Value, one: &str, other: &str) -> bool {
    instance.as_object().is_none_or(|members| members.get(one) == members.get(other))
}

/// The pairs of an `equalTo`, `None` where it is something else.
pub(crate) fn pairs(value: &Value) -> Option<Vec<(String, String)>> {
    let pairs = value.as_array()?.iter().map(|pair| match pair.as_array()?.as_slice() {
        [Value::String(one), Value::String(other)] => Some((one.clone(), other.clone())),
        _ => None,
    });
    pairs.collect()
}

fn equal_to<'a>(
    _: &'a Map<String, Value>,
    value: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    // The rules have seen to it that they are pairs.
    Ok(Box::new(EqualTo(pairs(value).unwrap_or_default())))
}

/// `message` beside other keywords: the sentence that their failure shows. It checks nothing itself.
struct Message;

impl<'i> Keyword<'i> for Message {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        Ok(())
    }

    fn is_valid(&self, _: &Value) -> bool {
        true
    }
}

fn message<'a>(
    _: &'a Map<String, Value>,
    _: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    Ok(Box::new(Message))
}
