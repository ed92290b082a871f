//! Looks whether JSON text is an object that PostgreSQL can store, without keeping anything of it.
//!
//! The worker asks this of each message that the api has checked. Writing the canonical text, which
//! it would throw away, takes twice as long.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{json, limits};

/// Whether the text is surely good. If not, [`Fields::from_json`](crate::Fields::from_json) says
/// what is wrong with it, and it may yet find nothing: a later member of the same name can replace
/// what was found here.
pub(crate) fn is_storable_object(text: &[u8]) -> bool {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Look { is_whole: true }.deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

struct Look {
    /// Whether the value is the whole text, and so has to be an object.
    is_whole: bool,
}

const INSIDE: Look = Look { is_whole: false };

fn good_if<E: de::Error>(is_good: bool) -> Result<(), E> {
    if is_good { Ok(()) } else { Err(E::custom("this needs another look")) }
}

impl<'de> DeserializeSeed<'de> for Look {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        good_if(!self.is_whole)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        good_if(!self.is_whole)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        good_if(!self.is_whole)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        good_if(!self.is_whole)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        good_if(!self.is_whole && !value.contains('\0'))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(INSIDE)?.is_some() {}
        good_if(!self.is_whole)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut is_first = true;
        while let Some(key) = entries.next_key_seed(LookAtKey { is_first })? {
            match key {
                // serde_json passes most numbers as a map.
                Key::Number => {
                    entries.next_value_seed(LookAtDigits)?;
                    return good_if(!self.is_whole);
                }
                Key::Name => entries.next_value_seed(INSIDE)?,
            }
            is_first = false;
        }
        Ok(())
    }
}

enum Key {
    Number,
    Name,
}

struct LookAtKey {
    is_first: bool,
}

impl<'de> DeserializeSeed<'de> for LookAtKey {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for LookAtKey {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
        if self.is_first && key == json::NUMBER_KEY {
            return Ok(Key::Number);
        }
        good_if(!json::is_reserved(key) && !key.contains('\0'))?;
        Ok(Key::Name)
    }
}

/// Only serde_json passes digits as an owned string.
struct LookAtDigits;

impl<'de> DeserializeSeed<'de> for LookAtDigits {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for LookAtDigits {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_string<E: de::Error>(self, digits: String) -> Result<(), E> {
        good_if(!limits::is_too_long(&digits))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        good_if(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Fields;

    #[test]
    fn good_objects_need_no_other_look() {
        for text in [
            "{}",
            r#"{"data": null, "n": [1, -2, 1.50, 1e3, true, "é😀", {"a": {"b": []}}]}"#,
            r#"{"big": 123456789012345678901234567890, "a": "\ud83d\ude00\n"}"#,
            r#" {"a": 1, "a": 2} "#,
        ] {
            assert!(is_storable_object(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn everything_else_needs_one() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in [
            "",
            "null",
            "1",
            "1.5",
            "true",
            "\"{}\"",
            "[]",
            "[{}]",
            "{",
            "{}{}",
            "{} x",
            r#"{"a": "\u0000"}"#,
            r#"{"\u0000": 1}"#,
            r#"{"a": 1e1000}"#,
            r#"{"a": "\ud800"}"#,
            r#"{"$serde_json::private::Number": "1"}"#,
            r#"{"a": {"$serde_json::private::Number": "1"}}"#,
            r#"{"a": 1, "$serde_json::private::RawValue": "1"}"#,
            r#"{"a": "\u0000", "a": 1}"#,
            &deep,
        ] {
            assert!(!is_storable_object(text.as_bytes()), "{text}");
        }
        assert!(!is_storable_object(b"{\"a\": \"\xff\"}"));
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            "-?[0-9]{1,3}(\\.[0-9]{1,2})?(e[0-9]{1,4})?",
            "\"(a|é|\\\\u0000|\\\\ud800|\\\\n|\u{0}| )*\"",
            Just("\"$serde_json::private::Number\"".to_owned()),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let name = prop_oneof![
                Just("a".to_owned()),
                Just("\\u0000".to_owned()),
                Just("$serde_json::private::Number".to_owned()),
                "[a-z]{0,2}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((name, inner), 0..4).prop_map(|members| {
                    let members: Vec<String> = members
                        .into_iter()
                        .map(|(name, value)| format!("\"{name}\":{value}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_surely_good_is_good(text in json()) {
            if is_storable_object(text.as_bytes()) {
                prop_assert!(Fields::from_json(text.as_bytes()).is_ok());
            }
        }
    }
}
