//! The fields of a submission: the JSON object that was posted.

use std::{fmt, ops::Range};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    encoding::Encoding,
    json, limits, multipart,
    refusal::{JsonError, Refusal},
    urlencoded,
};

/// The JSON object that was posted: `data` and all other fields. It can be stored as jsonb.
///
/// Keys are sorted, so that equal fields give equal text. Numbers keep the text they were sent as.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields(
    // Always an object.
    Value,
);

impl Fields {
    /// Reads a request body. An empty body and the JSON text `null` give no fields, as in 2016.
    ///
    /// # Errors
    /// A body that cannot be read in its encoding, a body that is not an object, and fields that
    /// PostgreSQL cannot store.
    pub fn parse(body: &[u8], encoding: Encoding<'_>) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self(Value::Object(Map::new())));
        }
        match encoding {
            Encoding::Json if body.trim_ascii() == b"null" => Ok(Self(Value::Object(Map::new()))),
            Encoding::Json => Self::from_json(body),
            Encoding::UrlEncoded => Self::check_limits(urlencoded::parse(body)),
            Encoding::Multipart { content_type } => {
                Self::check_limits(multipart::parse(body, content_type)?)
            }
        }
    }

    /// Reads JSON text, which must be an object.
    ///
    /// # Errors
    /// The same as [`Fields::parse`].
    pub fn from_json(text: &[u8]) -> Result<Self, Refusal> {
        match json::parse(text).map_err(|error| Refusal::NotJson(JsonError::from(error)))? {
            Value::Object(fields) => Self::check_limits(fields),
            other => Err(Refusal::NotAnObject { got: python_type_name(&other) }),
        }
    }

    fn check_limits(fields: Map<String, Value>) -> Result<Self, Refusal> {
        let faults = limits::find_faults(&fields);
        if faults.is_empty() {
            Ok(Self(Value::Object(fields)))
        } else {
            Err(Refusal::Fields(faults))
        }
    }

    /// The value of a top-level field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The fields as one object.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// The fields as compact JSON text with sorted keys: the body of the message on the queue.
    ///
    /// U+FFFE and U+FFFF are written as escapes, because SQS accepts neither.
    pub fn to_json(&self) -> String {
        self.to_json_and_range("").0
    }

    /// The same text, and the byte range in it that holds the value of the top-level field `name`.
    pub fn to_json_and_range(&self, name: &str) -> (String, Option<Range<usize>>) {
        let mut text = String::with_capacity(1024);
        let mut range = None;
        text.push('{');
        for (at, (field, value)) in self.0.as_object().into_iter().flatten().enumerate() {
            if at > 0 {
                text.push(',');
            }
            push_json(&mut text, field);
            text.push(':');
            let start = text.len();
            push_json(&mut text, value);
            if field == name {
                range = Some(start..text.len());
            }
        }
        text.push('}');
        (text, range)
    }
}

/// Appends JSON text in which U+FFFE and U+FFFF are escapes.
fn push_json(text: &mut String, value: &impl Serialize) {
    #[expect(
        clippy::expect_used,
        reason = "strings and maps with string keys can always be written as JSON"
    )]
    let json = serde_json::to_string(value).expect("JSON text of a field");
    // In UTF-8 both characters start with this byte, and few others do.
    if json.bytes().any(|byte| byte == 0xef) {
        text.push_str(&json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"));
    } else {
        text.push_str(&json);
    }
}

/// Prints the number of fields, never their names or values.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("len", &self.0.as_object().map(Map::len))
            .finish_non_exhaustive()
    }
}

/// The 2016 service was written in Python, and its answers name Python's types.
fn python_type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.as_str().contains(['.', 'e', 'E']) => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}
