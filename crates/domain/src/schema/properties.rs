//! The properties that a schema has, each with the one type of its values: what the columns of a form
//! type are made of.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Number, Value};

use super::property_order;

/// A property of a form, as its schema describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The name of the member, as senders write it. It may be empty.
    pub name: String,
    /// The one type that all places of the schema agree on.
    pub property_type: PropertyType,
    /// The first `title` that the schema gives it.
    pub title: Option<String>,
    /// The first `description` that the schema gives it.
    pub description: Option<String>,
}

/// The type of a property's values. Null does not count: every property may be null or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PropertyType {
    /// Text in no format that has a type of its own.
    Text,
    /// Text with `"format": "date"`.
    Date,
    /// Text with `"format": "date-time"`.
    DateTime,
    /// An integer that fits 64 bits, as far as its own bounds say.
    Integer,
    /// A number, or an integer whose own bounds go beyond 64 bits.
    Number,
    /// True or false.
    Boolean,
    /// A list, an object, or values of several types.
    Json,
}

/// All properties of the root and of what applies to the root: through `$ref`, `allOf`, `anyOf`,
/// `oneOf`, `if`, `then`, `else` and `dependentSchemas`. They are in the order of the document.
///
/// A place that says nothing about the type, such as `{"minLength": 1}` below `then`, has no say.
pub(super) fn read(document: &Value, text: &str) -> Vec<Property> {
    let mut found: BTreeMap<String, Property> = BTreeMap::new();
    let mut undecided = HashSet::new();
    for place in Places::of(document, document) {
        for (name, schema) in members(place, "properties") {
            let property = found.entry(name.clone()).or_insert_with(|| {
                undecided.insert(name.clone());
                Property {
                    name: name.clone(),
                    property_type: PropertyType::Json,
                    title: None,
                    description: None,
                }
            });
            let text = |keyword| schema.get(keyword).and_then(Value::as_str).map(str::to_owned);
            property.title = property.title.take().or_else(|| text("title"));
            property.description = property.description.take().or_else(|| text("description"));
            if let Some(one) = type_of(schema, document) {
                property.property_type =
                    if undecided.remove(name) { one } else { common(property.property_type, one) };
            }
        }
    }
    let mut properties = Vec::new();
    for name in property_order::read(text) {
        properties.extend(found.remove(&name));
    }
    properties.extend(found.into_values());
    properties
}

/// The type that this schema gives a value, if it says anything about it.
fn type_of(schema: &Value, document: &Value) -> Option<PropertyType> {
    let said = Places::of(schema, document).into_iter().filter_map(type_said_by);
    said.reduce(common)
}

/// What these keywords alone say, without those of the places that they point to.
fn type_said_by(schema: &Map<String, Value>) -> Option<PropertyType> {
    if let Some(value) = schema.get("type") {
        let names = match value {
            Value::Array(names) => names.as_slice(),
            name => std::slice::from_ref(name),
        };
        let types = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
        return types.map(|name| type_named(name, schema)).reduce(common);
    }
    let values = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => values.as_slice(),
        (_, Some(value)) => std::slice::from_ref(value),
        _ => return None,
    };
    values.iter().filter(|value| !value.is_null()).map(type_of_value).reduce(common)
}

fn type_named(name: &str, schema: &Map<String, Value>) -> PropertyType {
    match name {
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some("date") => PropertyType::Date,
            Some("date-time") => PropertyType::DateTime,
            _ => PropertyType::Text,
        },
        "integer" => {
            let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
            if bounds
                .iter()
                .filter_map(|name| schema.get(*name)?.as_number())
                .any(is_beyond_64_bits)
            {
                PropertyType::Number
            } else {
                PropertyType::Integer
            }
        }
        "number" => PropertyType::Number,
        "boolean" => PropertyType::Boolean,
        _ => PropertyType::Json,
    }
}

fn is_beyond_64_bits(bound: &Number) -> bool {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    bound.as_i64().is_none() && bound.as_f64().is_none_or(|bound| bound.abs() >= LIMIT)
}

fn type_of_value(value: &Value) -> PropertyType {
    match value {
        Value::String(_) => PropertyType::Text,
        Value::Number(number) if number.as_i64().is_some() => PropertyType::Integer,
        Value::Number(_) => PropertyType::Number,
        Value::Bool(_) => PropertyType::Boolean,
        Value::Null | Value::Array(_) | Value::Object(_) => PropertyType::Json,
    }
}

/// The type of values that have one type or the other.
fn common(one: PropertyType, other: PropertyType) -> PropertyType {
    use PropertyType::{Date, DateTime, Integer, Json, Number, Text};
    match (one, other) {
        (one, other) if one == other => one,
        (Integer, Number) | (Number, Integer) => Number,
        (Text | Date | DateTime, Text | Date | DateTime) => Text,
        _ => Json,
    }
}

/// The schemas that apply to the same value as this one, and this one first.
struct Places<'a> {
    document: &'a Value,
    found: Vec<&'a Map<String, Value>>,
    followed: HashSet<&'a str>,
}

impl<'a> Places<'a> {
    fn of(schema: &'a Value, document: &'a Value) -> Vec<&'a Map<String, Value>> {
        let mut places = Self { document, found: Vec::new(), followed: HashSet::new() };
        places.add(schema);
        places.found
    }

    fn add(&mut self, schema: &'a Value) {
        let Some(keywords) = schema.as_object() else { return };
        self.found.push(keywords);
        // A schema may refer to itself.
        if let Some(Value::String(reference)) = keywords.get("$ref")
            && self.followed.insert(reference)
            && let Some(target) =
                reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer))
        {
            self.add(target);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let schemas = keywords.get(keyword).and_then(Value::as_array);
            schemas.into_iter().flatten().for_each(|schema| self.add(schema));
        }
        for keyword in ["if", "then", "else"] {
            keywords.get(keyword).into_iter().for_each(|schema| self.add(schema));
        }
        members(keywords, "dependentSchemas").for_each(|(_, schema)| self.add(schema));
    }
}

fn members<'a>(
    keywords: &'a Map<String, Value>,
    keyword: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    keywords.get(keyword).and_then(Value::as_object).into_iter().flatten()
}
