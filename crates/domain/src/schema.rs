//! A JSON Schema (2020-12) with two keywords of our own: `equalTo` and `message`.

mod bad_schema;
mod equal_to;
mod formats;
mod message;
mod rules;
mod sentences;
mod view;

use std::collections::HashSet;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::{
    canonical::Canonical, json, refusal::Refusal, schema_digest::SchemaDigest, tree::Trees,
};

pub use bad_schema::BadSchema;
use view::View;

/// A schema without mistakes, ready to check fields.
pub(crate) struct Schema {
    document: Value,
    digest: SchemaDigest,
    validator: Validator,
    view: View,
    /// The top-level properties that are lists and nothing else.
    list_fields: HashSet<String>,
    /// Every member name that the schema mentions: the sender did not choose these names, so logs
    /// may show them.
    names: HashSet<String>,
}

impl Schema {
    /// # Errors
    /// The first mistake in the schema, with its place.
    pub(crate) fn parse(text: &str) -> Result<Self, BadSchema> {
        // Some editors write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document: Value =
            serde_json::from_str(text).map_err(|error| BadSchema::not_json(&error))?;
        if !document.is_object() {
            return Err(BadSchema::not_an_object());
        }
        let canonical =
            json::parse(text.as_bytes()).map_err(|error| BadSchema::not_json(&error))?;
        let digest = SchemaDigest::of(&canonical);
        rules::check_schema(&document)?;
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            // This engine takes time linear in the length of the text, for any pattern.
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_keyword(equal_to::KEYWORD, equal_to::build)
            .with_keyword(message::KEYWORD, message::build);
        let validator =
            options.build(&document).map_err(|error| rules::explain(&error, &document))?;
        let mut names = HashSet::new();
        collect_names(&document, &mut names);
        let view = View::of(&document);
        let list_fields = collect_list_fields(&document);
        Ok(Self { document, digest, validator, view, list_fields, names })
    }

    pub(crate) fn list_fields(&self) -> &HashSet<String> {
        &self.list_fields
    }

    pub(crate) fn digest(&self) -> SchemaDigest {
        self.digest
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// # Errors
    /// Every fault, at least one; only the first if the form has very many values. A form that would
    /// take too much memory here is refused as a whole.
    pub(crate) fn check(&self, form: &Canonical) -> Result<(), Refusal> {
        let mut trees = Trees::new();
        let seen = self.view.build(form, &mut trees).map_err(|_| Refusal::TooManyValues)?;
        if self.validator.is_valid(&seen) {
            return Ok(());
        }
        let describe = |errors: &mut dyn Iterator<Item = _>| {
            sentences::describe_errors(errors, &self.document, &seen, &self.names)
        };
        let faults = if trees.have_many_values() {
            describe(&mut self.validator.validate(&seen).err().into_iter())
        } else {
            describe(&mut self.validator.iter_errors(&seen))
        };
        Err(Refusal::Fields(faults))
    }
}

/// The top-level properties that have `"type": "array"`. Others that may be lists, such as `data` of
/// `form`, stay text in the encodings other than JSON, as in 2016.
fn collect_list_fields(schema: &Value) -> HashSet<String> {
    let is_list = |property: &Value| property.get("type").is_some_and(|one| one == "array");
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter(|(_, property)| is_list(property)).map(|(name, _)| name.clone()).collect()
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
