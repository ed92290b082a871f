//! The attributes of an SQS message.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// The attributes of a message by name.
pub type Attributes = BTreeMap<String, AttributeValue>;

pub(crate) const ID: &str = "id";
pub(crate) const FORM_TYPE: &str = "form_type";
pub(crate) const RECEIVED_AT: &str = "received_at";
pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const SCHEMA_DIGEST: &str = "schema_digest";
pub(crate) const REASON: &str = "reason";
pub(crate) const ORIGINAL_MESSAGE_ID: &str = "original_message_id";
pub(crate) const TIMES_SENT: &str = "times_sent";

/// The value of one attribute, with its SQS type, such as `String` or `Number.int`.
#[derive(Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// `String`, `Number` and their custom types.
    Text {
        /// The type, with its custom part.
        data_type: String,
        /// The value as text.
        value: String,
    },
    /// `Binary` and its custom types.
    Binary {
        /// The type, with its custom part.
        data_type: String,
        /// The value as bytes.
        value: Vec<u8>,
    },
}

impl AttributeValue {
    /// A value of type `String`.
    pub fn string(value: impl Into<String>) -> Self {
        Self::Text { data_type: "String".to_owned(), value: value.into() }
    }

    /// The text, or `None` if the value is binary.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { value, .. } => Some(value),
            Self::Binary { .. } => None,
        }
    }

    /// The size of type and value in bytes, as SQS counts it.
    fn size(&self) -> usize {
        match self {
            Self::Text { data_type, value } => data_type.len() + value.len(),
            Self::Binary { data_type, value } => data_type.len() + value.len(),
        }
    }
}

/// The size of a message in bytes, as SQS compares it with `MaximumMessageSize`.
pub(crate) fn size(body: &str, attributes: &Attributes) -> usize {
    body.len() + attributes.iter().map(|(name, value)| name.len() + value.size()).sum::<usize>()
}

/// An attribute in JSON: its type, and a text or bytes in base64.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(rename = "type")]
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// Writes attributes as a JSON object, so that nothing of them is lost.
pub fn to_json(attributes: &Attributes) -> String {
    let written: BTreeMap<&str, Written> = attributes
        .iter()
        .map(|(name, value)| {
            let written = match value.clone() {
                AttributeValue::Text { data_type, value } => {
                    Written { data_type, value: Some(value), base64: None }
                }
                AttributeValue::Binary { data_type, value } => {
                    let base64 = Some(BASE64_STANDARD.encode(value));
                    Written { data_type, value: None, base64 }
                }
            };
            (name.as_str(), written)
        })
        .collect();
    // Text can always be written.
    serde_json::to_string(&written).unwrap_or_default()
}

/// Reads what [`to_json`] wrote. `None` if it is something else.
pub fn from_json(json: &[u8]) -> Option<Attributes> {
    let written: BTreeMap<String, Written> = serde_json::from_slice(json).ok()?;
    let read = |Written { data_type, value, base64 }| match (value, base64) {
        (Some(value), None) => Some(AttributeValue::Text { data_type, value }),
        (None, Some(bytes)) => {
            Some(AttributeValue::Binary { data_type, value: BASE64_STANDARD.decode(bytes).ok()? })
        }
        (Some(_), Some(_)) | (None, None) => None,
    };
    written.into_iter().map(|(name, written)| Some((name, read(written)?))).collect()
}

/// Prints only the size, because an attribute that we did not write may hold anything.
impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttributeValue({} bytes)", self.size())
    }
}
