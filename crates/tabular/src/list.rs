//! Lists, which come as JSON because PostgreSQL's own text for them is ambiguous about types.

use serde_json::value::RawValue;

use crate::{encode::push_base64, error::Fault};

/// The elements of a list, each as JSON, or `None` for null.
pub(crate) fn elements(list: &str) -> Result<Vec<Option<&RawValue>>, Fault> {
    serde_json::from_str(list).map_err(|_| Fault::Unreadable)
}

/// The text in a JSON string.
pub(crate) fn unquoted(json: &str) -> Result<String, Fault> {
    serde_json::from_str(json).map_err(|_| Fault::Unreadable)
}

/// Appends a list of `bytea` with each element as base64.
pub(crate) fn push_base64_list(list: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    push_list(list, out, &|element, out| {
        out.push(b'"');
        push_base64(unquoted(element)?.as_bytes(), out)?;
        out.push(b'"');
        Ok(())
    })
}

/// Appends a list of numbers as JSON Lines has numbers.
pub(crate) fn push_number_list(list: &[u8], as_text: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    push_list(list, out, &|element, out| {
        let quotes: &[u8] = if as_text { b"\"" } else { b"" };
        if element.starts_with('"') {
            // PostgreSQL quotes NaN and infinities.
            out.extend_from_slice(b"null");
        } else {
            for part in [quotes, element.as_bytes(), quotes] {
                out.extend_from_slice(part);
            }
        }
        Ok(())
    })
}

/// Appends a list, or a list of lists, with each element changed by `push`.
fn push_list(
    list: &[u8],
    out: &mut Vec<u8>,
    push: &dyn Fn(&str, &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    out.push(b'[');
    for (index, element) in elements(crate::encode::utf8(list)?)?.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match element.map(RawValue::get) {
            None => out.extend_from_slice(b"null"),
            // PostgreSQL allows six dimensions.
            Some(inner) if inner.starts_with('[') => push_list(inner.as_bytes(), out, push)?,
            Some(element) => push(element, out)?,
        }
    }
    out.push(b']');
    Ok(())
}
