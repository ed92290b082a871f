//! The content of a form, independent of how its JSON was written. "Stored exactly" means equal by this measure.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A SHA-256, in hex. Equal contents agree in every character and number, and in the scale of every number.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Content(String);

impl Content {
    /// The content of JSON text. As in jsonb, the order of keys, white space and the notation of a number do not
    /// count, but its scale does. In text that is not JSON, every character counts.
    pub fn of_json(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value) => {
                let mut canonical = String::new();
                write_canonical(&value, &mut canonical);
                Self::of_bytes(&canonical)
            }
            Err(_) => Self::of_bytes(text),
        }
    }

    /// The content of text in which every character counts.
    pub fn of_bytes(text: &str) -> Self {
        Self(hex::encode(Sha256::digest(text)))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({})", self.0.get(..8).unwrap_or_default())
    }
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&without_exponent(number.as_str())),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (key, member) in members.iter().collect::<BTreeMap<_, _>>() {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(member, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// A JSON number without an exponent and with its scale, as PostgreSQL writes a numeric.
fn without_exponent(number: &str) -> String {
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
    fn numbers_are_written_as_in_postgresql() {
        // The right column is the output of `select '…'::jsonb`.
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
            assert_eq!(without_exponent(sent), shown, "{sent}");
        }
    }

    #[test]
    fn exactly_the_differences_that_jsonb_keeps_count() {
        let first = Content::of_json(r#"{"a": [1.50, "é"], "b": null}"#);
        assert_eq!(first, Content::of_json(r#"{"b":null,"a":[15.0e-1,"\u00e9"]}"#));
        for other in [
            r#"{"a":[1.5,"é"],"b":null}"#,
            r#"{"a":["1.50","é"],"b":null}"#,
            r#"{"a":["é",1.50],"b":null}"#,
            r#"{"a":[1.50,"e"],"b":null}"#,
            r#"{"a":[1.50,"é"]}"#,
            r#"{"a":[1.50,"é"],"b":false}"#,
        ] {
            assert_ne!(first, Content::of_json(other), "{other}");
        }
        assert_ne!(Content::of_json("not json"), Content::of_json("not  json"));
    }
}
