//! Parses JSON text and keeps every number as the text it was sent as.
//!
//! With `arbitrary_precision`, `serde_json` passes a number to a visitor as a map with one private
//! key, and its own `Value` mistakes a posted object with that key for a number. That is why we
//! have our own visitor. It can tell the two apart: serde_json passes the digits of a number as an
//! owned `String`, but a posted string as a `&str`. It refuses an object with a private key
//! anywhere in the text.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

const PRIVATE_KEYS: &str = "$serde_json::private::";
const NUMBER_KEY: &str = "$serde_json::private::Number";

/// Parses one JSON text. If a key appears twice, the last value wins, as in Python and in jsonb.
///
/// # Errors
/// Text that RFC 8259 does not allow, lone surrogates, nesting deeper than 127, and private keys of
/// serde_json. The message has the line and column, but no input text.
pub(crate) fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Exact>(text).map(|Exact(value)| value)
}

/// Whether serde_json reserves the key. An object with such a key cannot be read back from its own
/// JSON text.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.starts_with(PRIVATE_KEYS)
}

struct Exact(Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExactVisitor).map(Exact)
    }
}

struct ExactVisitor;

impl<'de> Visitor<'de> for ExactVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    // Only integers that fit arrive here; every other number arrives as a map.
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Exact(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER_KEY && object.is_empty() {
                return entries.next_value_seed(Digits).map(Value::Number);
            }
            if is_reserved(&key) {
                return Err(reserved_key());
            }
            let Exact(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Reads the digits of a number, which only serde_json passes as an owned string.
struct Digits;

impl<'de> DeserializeSeed<'de> for Digits {
    type Value = Number;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Digits {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_string<E>(self, digits: String) -> Result<Number, E> {
        Ok(Number::from_string_unchecked(digits))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Number, E> {
        Err(reserved_key())
    }
}

fn reserved_key<E: de::Error>() -> E {
    E::custom(format_args!("keys that start with {PRIVATE_KEYS} are reserved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        for text in [
            "0",
            "-0",
            "1.50",
            "12345678901234567890123456789012345678901234567890.00000000000000000000000000000001",
            "1e400",
            "1.5E+3",
        ] {
            let value = parse(text.as_bytes()).unwrap();
            assert_eq!(
                value.to_string().to_lowercase().replace('+', ""),
                text.to_lowercase().replace('+', ""),
                "{text}"
            );
        }
    }

    #[test]
    fn an_object_with_a_private_key_of_serde_json_is_refused() {
        for text in [
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"{"\u0024serde_json::private::Number":"1"}"#,
            r#"{"$serde_json::private::Number":"\u0031"}"#,
            r#"{"$serde_json::private::Number":1}"#,
            r#"{"$serde_json::private::Number":"1","a":1}"#,
            r#"{"a":1,"$serde_json::private::Number":"1"}"#,
            r#"{"$serde_json::private::RawValue":"[1"}"#,
            r#"{"a":[{"b":{"$serde_json::private::RawValue":"1"}}]}"#,
        ] {
            let error = parse(text.as_bytes()).map(|_| ()).unwrap_err();
            assert_eq!(error.classify(), serde_json::error::Category::Data, "{text}: {error}");
        }
    }

    #[test]
    fn the_last_value_of_a_repeated_key_wins() {
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap().to_string(), r#"{"a":2}"#);
    }

    #[test]
    fn nesting_stops_at_127() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(127).as_bytes()).is_ok());
        assert!(parse(nested(128).as_bytes()).is_err());
        assert!(parse("[".repeat(1 << 20).as_bytes()).is_err());
    }
}
