//! The fields of a submission: the JSON object as posted.

use std::{fmt, ops::Range};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    encoding::Encoding,
    json, limits, multipart,
    refusal::{JsonError, Refusal},
    urlencoded,
};

/// The JSON object as posted, `data` and whatever came beside it, fit to be stored as jsonb.
///
/// Keys are in order, so that equal fields have equal text. Numbers are the text they were sent as.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields(
    /// Always an object.
    Value,
);

impl Fields {
    /// Reads a request body; an empty body and the JSON text `null` are no fields at all, as in 2016.
    ///
    /// # Errors
    /// A body that is not in its encoding, one that is not an object, and fields that PostgreSQL could not hold.
    pub fn parse(body: &[u8], encoding: Encoding<'_>) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self(Value::Object(Map::new())));
        }
        match encoding {
            Encoding::Json if body.trim_ascii() == b"null" => Ok(Self(Value::Object(Map::new()))),
            Encoding::Json => Self::from_json(body),
            Encoding::UrlEncoded => Self::storable(urlencoded::parse(body)),
            Encoding::Multipart { content_type } => {
                Self::storable(multipart::parse(body, content_type)?)
            }
        }
    }

    /// Reads JSON text, of which only an object will do.
    ///
    /// # Errors
    /// As [`Fields::parse`].
    pub fn from_json(text: &[u8]) -> Result<Self, Refusal> {
        match json::parse(text).map_err(|error| Refusal::NotJson(JsonError::from(error)))? {
            Value::Object(fields) => Self::storable(fields),
            other => Err(Refusal::NotAnObject { got: python_type_name(&other) }),
        }
    }

    fn storable(fields: Map<String, Value>) -> Result<Self, Refusal> {
        let faults = limits::faults(&fields);
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
    /// U+FFFE and U+FFFF are written as escapes, because SQS takes neither.
    pub fn to_json(&self) -> String {
        self.to_json_with("").0
    }

    /// The same, and where in it the value of a top-level field is.
    pub fn to_json_with(&self, name: &str) -> (String, Option<Range<usize>>) {
        let mut text = String::with_capacity(1024);
        let mut place = None;
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
                place = Some(start..text.len());
            }
        }
        text.push('}');
        (text, place)
    }
}

/// Appends JSON text without U+FFFE and U+FFFF.
fn push_json(text: &mut String, value: &impl Serialize) {
    #[expect(
        clippy::expect_used,
        reason = "text and maps with text keys always have JSON text, and memory does not fail"
    )]
    let json = serde_json::to_string(value).expect("JSON text of a field");
    // Both begin with this byte in UTF-8, and little else does.
    if json.bytes().any(|byte| byte == 0xef) {
        text.push_str(&json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"));
    } else {
        text.push_str(&json);
    }
}

/// Prints how many fields there are, never what they hold.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("len", &self.0.as_object().map(Map::len))
            .finish_non_exhaustive()
    }
}

/// The words of the 2016 service, which was written in Python.
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
