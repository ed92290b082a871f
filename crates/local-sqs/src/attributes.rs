//! Message attributes: the checks of SQS, their size, and their MD5.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, Code};

/// The maximum number of attributes that SQS accepts on a message.
pub(crate) const MAX_ATTRIBUTES: usize = 10;

/// Attributes by name. Sorted, because the MD5 covers them in the order of their names.
pub(crate) type Attributes = BTreeMap<String, AttributeValue>;

/// One attribute as on the wire; a binary value is base64 text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttributeValue {
    #[serde(rename = "DataType", default)]
    data_type: String,
    #[serde(rename = "StringValue", default, skip_serializing_if = "Option::is_none")]
    string: Option<String>,
    #[serde(rename = "BinaryValue", default, skip_serializing_if = "Option::is_none")]
    binary: Option<String>,
}

impl AttributeValue {
    fn bytes(&self) -> Vec<u8> {
        match (&self.string, &self.binary) {
            (Some(text), _) => text.clone().into_bytes(),
            // Checked when the message was sent.
            (None, Some(base64)) => STANDARD.decode(base64).unwrap_or_default(),
            (None, None) => Vec::new(),
        }
    }
}

/// Checks the attributes of a message to send: their number, names, types and values.
pub(crate) fn check_attributes(attributes: &Attributes) -> Result<(), ApiError> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MAX_ATTRIBUTES}].",
            attributes.len()
        )));
    }
    attributes.iter().try_for_each(|(name, value)| check_attribute(name, value))
}

/// Checks system attributes: SQS accepts only `AWSTraceHeader`, of type String.
pub(crate) fn check_system_attributes(attributes: &Attributes) -> Result<(), ApiError> {
    for (name, value) in attributes {
        if name != "AWSTraceHeader" {
            return Err(invalid(format!("Message system attribute name '{name}' is invalid.")));
        }
        if value.data_type != "String" || value.string.as_deref().unwrap_or_default().is_empty() {
            return Err(invalid(format!(
                "The system attribute '{name}' must be a non-empty String."
            )));
        }
        check_attribute(name, value)?;
    }
    Ok(())
}

fn check_attribute(name: &str, value: &AttributeValue) -> Result<(), ApiError> {
    if !is_valid_name(name) {
        return Err(invalid(format!(
            "The message attribute name '{name}' is invalid. A name has 1 to 256 characters \
             out of A-Z, a-z, 0-9, underscore, hyphen and period, has no leading, trailing or \
             doubled period, and does not start with AWS. or Amazon."
        )));
    }
    let (base, label) = value
        .data_type
        .split_once('.')
        .map_or((value.data_type.as_str(), None), |(base, label)| (base, Some(label)));
    if value.data_type.is_empty() {
        return Err(invalid(format!(
            "The message attribute '{name}' must contain a non-empty message attribute type."
        )));
    }
    if value.data_type.len() > 256 || label.is_some_and(str::is_empty) {
        return Err(invalid(format!("The type of message attribute '{name}' is invalid.")));
    }
    match (base, &value.string, &value.binary) {
        ("String" | "Number", Some(text), None) if !text.is_empty() => {
            if !has_only_allowed_characters(text) {
                return Err(ApiError::new(
                    Code::InvalidMessageContents,
                    format!("Message attribute '{name}' contains characters that are not allowed."),
                ));
            }
            if base == "Number" && !is_number(text) {
                return Err(invalid(format!(
                    "Can't cast the value of message attribute '{name}' to a number."
                )));
            }
            Ok(())
        }
        ("Binary", None, Some(base64)) if !base64.is_empty() => match STANDARD.decode(base64) {
            Ok(_) => Ok(()),
            Err(_) => Err(ApiError::new(
                Code::Serialization,
                format!("The binary value of message attribute '{name}' is not base64."),
            )),
        },
        ("String" | "Number" | "Binary", _, _) => Err(invalid(format!(
            "The message attribute '{name}' must contain a non-empty message attribute value \
             for message attribute type '{base}'."
        ))),
        _ => Err(invalid(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of \
             supported type prefixes is Binary, Number, and String."
        ))),
    }
}

fn is_valid_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=256).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
}

/// Whether this is a decimal number that SQS accepts: at most 38 digits of precision.
fn is_number(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.trim_start_matches(['+', '-']).replace('.', "");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    is_plain && digits.trim_start_matches('0').len() <= 38 && text.parse::<f64>().is_ok()
}

/// Whether SQS allows every character:
/// `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`.
pub(crate) fn has_only_allowed_characters(text: &str) -> bool {
    // A str contains no surrogates, which leaves control characters, U+FFFE and U+FFFF (EF BF BE
    // and EF BF BF).
    let bytes = text.as_bytes();
    // Looks at all bytes: a search that ends at the first control character goes byte by byte and
    // takes ten times as long.
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    if bytes.iter().fold(false, |found, &byte| found | is_control(byte)) {
        return false;
    }
    !bytes.contains(&0xEF) || !text.contains(['\u{FFFE}', '\u{FFFF}'])
}

/// The bytes that attributes add to the size of a message: names, types and values.
pub(crate) fn size(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, value)| name.len() + value.data_type.len() + value.bytes().len())
        .sum()
}

/// The MD5 of attributes as SQS computes it, in hex; `None` if there are none.
///
/// The layout comes from the SQS developer guide, "Calculating the MD5 message digest for message
/// attributes".
pub(crate) fn md5<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>,
) -> Option<String> {
    let mut hash = Md5::new();
    let mut is_empty = true;
    for (name, value) in attributes {
        is_empty = false;
        let transport: u8 = if value.string.is_some() { 1 } else { 2 };
        update_with_length(&mut hash, name.as_bytes());
        update_with_length(&mut hash, value.data_type.as_bytes());
        hash.update([transport]);
        update_with_length(&mut hash, &value.bytes());
    }
    (!is_empty).then(|| hex::encode(hash.finalize()))
}

fn update_with_length(hash: &mut Md5, bytes: &[u8]) {
    // No message is near 4 GiB.
    hash.update((bytes.len() as u32).to_be_bytes());
    hash.update(bytes);
}

/// Whether a receiver asked for this attribute. `patterns` are its `MessageAttributeNames`: `All`
/// or `.*`, exact names, and prefixes such as `name.*`.
pub(crate) fn is_wanted(name: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == "All" || pattern == name,
    })
}

/// The value of a system attribute that is text.
pub(crate) fn string_value<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(|value| value.string.as_deref())
}

fn invalid(message: String) -> ApiError {
    ApiError::new(Code::InvalidParameterValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_md5_of_attributes_matches_the_one_of_sqs() {
        // Computed from the layout in botocore and the developer guide, without this code.
        let attributes: Attributes = serde_json::from_str(
            r#"{"timestamp":{"DataType":"Number","StringValue":"1493147359900"}}"#,
        )
        .unwrap();
        assert_eq!(md5(&attributes).as_deref(), Some("235c5c510d26fb653d073faed50ae77c"));
        assert_eq!(md5(&Attributes::new()), None);
    }

    #[test]
    fn characters_outside_the_allowed_ranges_are_found() {
        for text in ["\0", "a\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "x\u{ffff}"] {
            assert!(!has_only_allowed_characters(text), "{text:?}");
        }
        for text in [
            "",
            "\t\n\r ",
            "\u{7f}",
            "é",
            "\u{d7ff}\u{e000}\u{fffd}",
            "\u{10000}\u{10ffff}",
            "\u{ff01}",
        ] {
            assert!(has_only_allowed_characters(text), "{text:?}");
        }
    }

    #[test]
    fn a_receiver_can_ask_for_all_attributes_or_by_name_or_by_prefix() {
        let wanted = |name: &str, pattern: &str| is_wanted(name, &[pattern.to_owned()]);
        assert!(
            wanted("id", "All")
                && wanted("id", ".*")
                && wanted("id", "id")
                && wanted("trace.parent", "trace.*")
        );
        assert!(
            !wanted("id", "i")
                && !wanted("id", "ID")
                && !wanted("id", "trace.*")
                && !is_wanted("id", &[])
        );
    }

    #[test]
    fn numbers_are_decimal_and_have_at_most_38_digits() {
        for text in ["0", "-1.5e3", "+7", ".5", "12345678901234567890123456789012345678"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "NaN", "inf", "1x", "--1", "123456789012345678901234567890123456789"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
