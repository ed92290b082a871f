//! Reads JSON text and keeps every number as the text it was sent as.
//!
//! With `arbitrary_precision`, `serde_json` passes a number to a visitor as a map with one private
//! key, and its own `Value` mistakes a posted object with that key for a number. That is why we
//! have our own visitor. It can tell the two apart: serde_json passes the digits of a number as an
//! owned `String`, but a posted string as a `&str`. It refuses an object with a private key
//! anywhere in the text.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::canonical::{Canonical, Name, Unstorable, Writer};

/// The prefix of the keys that serde_json reserves.
pub(crate) const PRIVATE_KEYS: &str = "$serde_json::private::";
pub(crate) const NUMBER_KEY: &str = "$serde_json::private::Number";

/// Reads one JSON text. If a key appears twice, the last value wins, as in Python and in jsonb.
///
/// # Errors
/// Text that RFC 8259 does not allow, lone surrogates, nesting deeper than 127, and private keys of
/// serde_json. The message has the line and column, but no input text.
pub(crate) fn parse(text: &[u8]) -> Result<Canonical, serde_json::Error> {
    let mut writer = Writer::with_capacity(text.len());
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    WriteValue { writer: &mut writer, is_whole: true }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(writer.finish())
}

/// Whether serde_json reserves the key. An object with such a key cannot be read back from its own
/// JSON text.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.starts_with(PRIVATE_KEYS)
}

/// Writes the value that is parsed.
struct WriteValue<'w> {
    writer: &'w mut Writer,
    /// Whether the value is the whole text, and not inside an object or a list.
    is_whole: bool,
}

impl<'w> WriteValue<'w> {
    fn inside(writer: &'w mut Writer) -> Self {
        Self { writer, is_whole: false }
    }
}

impl<'de> DeserializeSeed<'de> for WriteValue<'_> {
    type Value = Unstorable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Unstorable, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WriteValue<'_> {
    type Value = Unstorable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Unstorable, E> {
        Ok(self.writer.word("null"))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Unstorable, E> {
        Ok(self.writer.word(if value { "true" } else { "false" }))
    }

    // Only integers that fit arrive here; every other number arrives as a map.
    fn visit_u64<E>(self, value: u64) -> Result<Unstorable, E> {
        Ok(self.writer.integer(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Unstorable, E> {
        Ok(self.writer.integer(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Unstorable, E> {
        Ok(self.writer.string(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unstorable, A::Error> {
        let mut unstorable = Unstorable::default();
        self.writer.open_list();
        while let Some(item) = items.next_element_seed(WriteValue::inside(self.writer))? {
            unstorable = unstorable.or(item);
            self.writer.end_of_item();
        }
        self.writer.close_list();
        Ok(unstorable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unstorable, A::Error> {
        let mut object = self.writer.open_object();
        let mut is_first = true;
        while let Some(key) = entries.next_key_seed(WriteKey { writer: self.writer, is_first })? {
            let name = match key {
                Key::Number => {
                    self.writer.take_back(&object);
                    return entries.next_value_seed(WriteDigits(self.writer));
                }
                Key::Reserved => return Err(reserved_key()),
                Key::Name(name) => name,
            };
            let value = entries.next_value_seed(WriteValue::inside(self.writer))?;
            self.writer.end_of_member(&mut object, name, value);
            is_first = false;
        }
        Ok(if self.is_whole {
            self.writer.close_whole_object(&object)
        } else {
            self.writer.close_object(&object)
        })
    }
}

/// What a key is, and its place if it was written.
enum Key {
    /// A number follows, or a posted object with this private key.
    Number,
    Reserved,
    Name(Name),
}

struct WriteKey<'w> {
    writer: &'w mut Writer,
    is_first: bool,
}

impl<'de> DeserializeSeed<'de> for WriteKey<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for WriteKey<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(if self.is_first && key == NUMBER_KEY {
            Key::Number
        } else if is_reserved(key) {
            Key::Reserved
        } else {
            Key::Name(self.writer.name(key))
        })
    }
}

/// Writes the digits of a number, which only serde_json passes as an owned string.
struct WriteDigits<'w>(&'w mut Writer);

impl<'de> DeserializeSeed<'de> for WriteDigits<'_> {
    type Value = Unstorable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Unstorable, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for WriteDigits<'_> {
    type Value = Unstorable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_string<E>(self, digits: String) -> Result<Unstorable, E> {
        Ok(self.0.digits(&digits))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Unstorable, E> {
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
                value.text().to_lowercase().replace('+', ""),
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
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap().text(), r#"{"a":2}"#);
    }

    #[test]
    fn nesting_stops_at_127() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(127).as_bytes()).is_ok());
        assert!(parse(nested(128).as_bytes()).is_err());
        assert!(parse("[".repeat(1 << 20).as_bytes()).is_err());
    }
}
