//! What a form says, whichever way its JSON was written: the measure of "exactly its content".

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The SHA-256 of a content, in hex. Equal contents are equal in every character, number and scale.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Content(String);

impl Content {
    /// Of JSON text: order of keys, white space and the way a number is written do not count, its scale does, as in
    /// jsonb. Text that is no JSON counts as it is.
    pub fn of(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value) => {
                let mut canonical = String::new();
                write(&value, &mut canonical);
                Self::of_bytes(&canonical)
            }
            Err(_) => Self::of_bytes(text),
        }
    }

    /// Of a text in which every character counts.
    pub fn of_bytes(text: &str) -> Self {
        Self(hex::encode(Sha256::digest(text)))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({})", self.0.get(..8).unwrap_or_default())
    }
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&plain(number.as_str())),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (key, member) in members.iter().collect::<BTreeMap<_, _>>() {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(member, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// A JSON number without an exponent and with its scale, as PostgreSQL writes a numeric.
fn plain(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let mut digits = format!("{whole}{fraction}");
    let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
    let zeros = usize::try_from(scale.unsigned_abs()).unwrap_or(usize::MAX);
    let scale = if scale < 0 {
        digits.push_str(&"0".repeat(zeros));
        0
    } else {
        zeros
    };
    if digits.len() <= scale {
        digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
    }
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    let sign = if digits.bytes().all(|digit| digit == b'0') { "" } else { sign };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_postgresql_writes_them() {
        // The right column is what `select '…'::jsonb` shows.
        for (sent, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("0e5", "0"),
            ("1.50", "1.50"),
            ("1.5e3", "1500"),
            ("1.50e1", "15.0"),
            ("12e-3", "0.012"),
            ("-1E+2", "-100"),
            ("0.001e5", "100"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
        ] {
            assert_eq!(plain(sent), shown, "{sent}");
        }
    }

    #[test]
    fn what_jsonb_keeps_counts_and_what_it_does_not_does_not() {
        let first = Content::of(r#"{"a": [1.50, "é"], "b": null}"#);
        assert_eq!(first, Content::of(r#"{"b":null,"a":[15.0e-1,"\u00e9"]}"#));
        for other in [
            r#"{"a":[1.5,"é"],"b":null}"#,
            r#"{"a":["1.50","é"],"b":null}"#,
            r#"{"a":["é",1.50],"b":null}"#,
            r#"{"a":[1.50,"e"],"b":null}"#,
            r#"{"a":[1.50,"é"]}"#,
            r#"{"a":[1.50,"é"],"b":false}"#,
        ] {
            assert_ne!(first, Content::of(other), "{other}");
        }
        assert_ne!(Content::of("not json"), Content::of("not  json"));
    }
}
