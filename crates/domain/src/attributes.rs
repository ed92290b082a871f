//! The attributes of an SQS message.

use std::{collections::BTreeMap, fmt};

/// The attributes of a message by name.
pub type Attributes = BTreeMap<String, AttributeValue>;

pub(crate) const ID: &str = "id";
pub(crate) const FORM_TYPE: &str = "form_type";
pub(crate) const RECEIVED_AT: &str = "received_at";
pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const REASON: &str = "reason";
pub(crate) const ORIGINAL_MESSAGE_ID: &str = "original_message_id";

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

/// Prints only the size, because an attribute that we did not write may hold anything.
impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttributeValue({} bytes)", self.size())
    }
}
