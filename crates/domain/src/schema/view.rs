//! What a schema sees of a form: only the fields that it looks at, and only as much of each as
//! matters to it.
//!
//! Most schemas of forms name their fields and leave others alone. Those others never become a
//! tree, and neither does a field whose type is all that matters: of `data` in the type `form`, the
//! schema sees whether it is null.

use serde_json::{Map, Value};

use super::equal_to;
use crate::{
    canonical::Canonical,
    tree::{TooManyValues, Trees},
};

/// How much of a form the schema sees.
pub(crate) enum View {
    Everything,
    /// These fields.
    Fields(Vec<Field>),
}

pub(crate) struct Field {
    name: String,
    /// What is inside a list, an object or a text does not matter.
    only_type: bool,
}

impl View {
    /// Reads it from a schema without mistakes.
    pub(crate) fn of(schema: &Value) -> Self {
        Self::of_fields(schema).map_or(Self::Everything, Self::Fields)
    }

    /// `None` if a keyword could concern other fields than those it names.
    fn of_fields(schema: &Value) -> Option<Vec<Field>> {
        let mut fields: Vec<Field> = Vec::new();
        let mut add = |name: &str, only_type: bool| match fields
            .iter_mut()
            .find(|field| field.name == name)
        {
            Some(field) => field.only_type &= only_type,
            None => fields.push(Field { name: name.to_owned(), only_type }),
        };
        for (keyword, value) in schema.as_object()? {
            match keyword.as_str() {
                "type" | "$defs" | "definitions" => {}
                "required" => {
                    value
                        .as_array()?
                        .iter()
                        .filter_map(Value::as_str)
                        .for_each(|name| add(name, true));
                }
                "properties" => {
                    for (name, property) in value.as_object()? {
                        add(name, checks_only_type(property));
                    }
                }
                equal_to::KEYWORD => {
                    for (one, other) in equal_to::parse_pairs(value)? {
                        add(&one, false);
                        add(&other, false);
                    }
                }
                keyword if is_annotation(keyword) => {}
                _ => return None,
            }
        }
        Some(fields)
    }

    /// Builds what the schema sees.
    pub(crate) fn build(
        &self,
        form: &Canonical,
        trees: &mut Trees,
    ) -> Result<Value, TooManyValues> {
        let Self::Fields(fields) = self else { return trees.build(form.text()) };
        let mut seen = Map::new();
        for field in fields {
            let Some(text) = form.get(&field.name) else { continue };
            let value = match text.as_bytes().first() {
                Some(b'{') if field.only_type => Value::Object(Map::new()),
                Some(b'[') if field.only_type => Value::Array(Vec::new()),
                Some(b'"') if field.only_type => Value::String(String::new()),
                _ => trees.build(text)?,
            };
            seen.insert(field.name.clone(), value);
        }
        Ok(Value::Object(seen))
    }
}

fn checks_only_type(schema: &Value) -> bool {
    match schema {
        Value::Object(keywords) => {
            keywords.keys().all(|keyword| keyword == "type" || is_annotation(keyword))
        }
        // `true` and `false`.
        _ => true,
    }
}

/// Whether a keyword checks nothing.
fn is_annotation(keyword: &str) -> bool {
    matches!(
        keyword,
        "$comment"
            | "$id"
            | "$schema"
            | "default"
            | "deprecated"
            | "description"
            | "examples"
            | "message"
            | "readOnly"
            | "title"
            | "writeOnly"
    ) || keyword.starts_with("x-")
}
