//! The fields of a submission: the JSON object that was posted.

use std::{collections::HashSet, fmt};

use serde_json::Value;

use crate::{
    canonical::Canonical,
    encoding::Encoding,
    json, limits, multipart,
    refusal::{JsonError, Refusal},
    urlencoded,
};

/// The longest body in bytes. A byte of it becomes at most six of text, and 32 bits must count
/// those. What SQS accepts is far below.
const MAX_BODY: usize = 1 << 29;

/// The JSON object that was posted: `data` and all other fields. It can be stored as jsonb.
///
/// It is kept as text: the body of the message on the queue. The text is compact and its keys are
/// sorted, so that equal fields give equal text. Numbers keep the text they were sent as.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields(
    // Always an object.
    Canonical,
);

impl Fields {
    /// Reads a request body. An empty body and the JSON text `null` give no fields, as in 2016.
    ///
    /// If the body is not JSON, only the last value of a repeated name is kept.
    /// [`FormType::parse`](crate::FormType::parse) also knows the fields that are lists.
    ///
    /// # Errors
    /// A body that cannot be read in its encoding, a body that is not an object, and fields that
    /// PostgreSQL cannot store.
    pub fn parse(body: &[u8], encoding: Encoding<'_>) -> Result<Self, Refusal> {
        Self::parse_with_lists(body, encoding, &HashSet::new())
    }

    pub(crate) fn parse_with_lists(
        body: &[u8],
        encoding: Encoding<'_>,
        list_fields: &HashSet<String>,
    ) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self(Canonical::empty_object()));
        }
        if body.len() > MAX_BODY {
            return Err(Refusal::TooManyValues);
        }
        match encoding {
            Encoding::Json if body.trim_ascii() == b"null" => Ok(Self(Canonical::empty_object())),
            Encoding::Json => Self::from_json(body),
            Encoding::UrlEncoded => Self::check_limits(urlencoded::parse(body, list_fields)?),
            Encoding::Multipart { content_type } => {
                Self::check_limits(multipart::parse(body, content_type, list_fields)?)
            }
        }
    }

    /// Reads JSON text, which must be an object.
    ///
    /// # Errors
    /// The same as [`Fields::parse`].
    pub fn from_json(text: &[u8]) -> Result<Self, Refusal> {
        let value = json::parse(text).map_err(|error| Refusal::NotJson(JsonError::from(error)))?;
        if value.text().starts_with('{') {
            Self::check_limits(value)
        } else {
            Err(Refusal::NotAnObject { got: python_type_name(value.text()) })
        }
    }

    fn check_limits(fields: Canonical) -> Result<Self, Refusal> {
        let faults = limits::find_faults(&fields);
        if faults.is_empty() { Ok(Self(fields)) } else { Err(Refusal::Fields(faults)) }
    }

    /// The JSON text of the value of a top-level field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// The fields as compact JSON text with sorted keys: the body of the message on the queue.
    ///
    /// U+FFFE and U+FFFF are written as escapes, because SQS accepts neither.
    pub fn as_json(&self) -> &str {
        self.0.text()
    }

    /// The same text, without a copy.
    pub fn into_json(self) -> String {
        self.0.into_text()
    }

    pub(crate) fn canonical(&self) -> &Canonical {
        &self.0
    }

    /// The fields as a tree, which can take a hundred times the memory of the text.
    pub fn to_value(&self) -> Value {
        #[expect(clippy::expect_used, reason = "the text was written by our own parser")]
        serde_json::from_str(self.0.text()).expect("canonical JSON text")
    }
}

/// Prints the number of fields, never their names or values.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

/// The 2016 service was written in Python, and its answers name Python's types.
fn python_type_name(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'n') => "NoneType",
        Some(b't' | b'f') => "bool",
        Some(b'"') => "str",
        Some(b'[') => "list",
        Some(b'{') => "dict",
        _ if text.contains(['.', 'e', 'E']) => "float",
        _ => "int",
    }
}
