//! Parses `application/x-www-form-urlencoded` as the 2016 service did.

use serde_json::{Map, Value};

/// Every value is text. If a key appears twice, the last value wins. A malformed percent escape is
/// kept as it is, and invalid UTF-8 is replaced.
pub(crate) fn parse(body: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}
