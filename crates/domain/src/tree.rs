//! Builds a tree of a value, which a schema needs, and stops before it takes too much memory.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most bytes that the trees of one form may take. 400,000 zeros take that; without a limit,
/// 1 MiB of objects with one short member each would take 130 MB.
const MAX_BYTES: usize = 16 << 20;

/// A node of the map that an object is. It has room for 11 members, but members that arrive in the
/// order of their names leave it half full.
const NODE_BYTES: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 16;
const MEMBERS_PER_NODE: usize = 6;

/// The bytes around a string: every allocation has at least 8.
const STRING_BYTES: usize = 8;

/// Above this many values, a form is too large for a list of all its errors: the validator makes
/// 200 bytes of each error, and in the worst case every value has one.
const MANY_VALUES: usize = 50_000;

/// Builds trees until they take too much memory.
pub(crate) struct Trees {
    bytes_left: usize,
    values: usize,
}

/// The values have too many parts to be checked by a schema.
#[derive(Debug)]
pub(crate) struct TooManyValues;

impl Trees {
    pub(crate) fn new() -> Self {
        Self { bytes_left: MAX_BYTES, values: 0 }
    }

    /// Builds the tree of canonical JSON text. Only the limit can make this fail, because the text
    /// was parsed before.
    pub(crate) fn build(&mut self, text: &str) -> Result<Value, TooManyValues> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        BuildValue(self).deserialize(&mut deserializer).map_err(|_| TooManyValues)
    }

    /// Whether a list of all errors could take too much memory.
    pub(crate) fn have_many_values(&self) -> bool {
        self.values > MANY_VALUES
    }

    fn take<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        self.bytes_left =
            self.bytes_left.checked_sub(bytes).ok_or_else(|| E::custom("too many values"))?;
        Ok(())
    }
}

struct BuildValue<'t>(&'t mut Trees);

impl<'de> DeserializeSeed<'de> for BuildValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.values += 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BuildValue<'_> {
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

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.take(STRING_BYTES + value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(BuildValue(self.0))? {
            self.0.take(size_of::<Value>() + STRING_BYTES)?;
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            // No posted object has this key, because it was refused when it was read.
            if object.is_empty() && key == crate::json::NUMBER_KEY {
                let digits = entries.next_value::<String>()?;
                return Ok(Value::Number(Number::from_string_unchecked(digits)));
            }
            if object.len().is_multiple_of(MEMBERS_PER_NODE) {
                self.0.take(NODE_BYTES)?;
            }
            self.0.take(STRING_BYTES + key.len())?;
            let value = entries.next_value_seed(BuildValue(self.0))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
