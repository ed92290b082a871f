//! `application/x-www-form-urlencoded` to fields, as the 2016 service read it.

use serde_json::{Map, Value};

/// Every value is text; a repeated key has its last value, a malformed percent is kept, invalid UTF-8 is replaced.
pub(crate) fn parse(body: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}
