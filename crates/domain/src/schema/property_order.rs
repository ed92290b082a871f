//! The order in which a schema names its properties, which a parsed document does not keep.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The names of all members of all `properties`, in the order of the text. The text is JSON.
pub(super) fn read(text: &str) -> Vec<String> {
    let mut order = Order::default();
    let mut json = serde_json::Deserializer::from_str(text);
    // What cannot be read has no order. The caller has parsed the same text before.
    drop(Walk { order: &mut order, names_properties: false }.deserialize(&mut json));
    order.names
}

#[derive(Default)]
struct Order {
    names: Vec<String>,
    seen: HashSet<String>,
}

/// Walks through one value.
struct Walk<'a> {
    order: &'a mut Order,
    /// Whether the value is that of `properties`.
    names_properties: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            let names_properties = !self.names_properties && name == "properties";
            if self.names_properties && self.order.seen.insert(name.clone()) {
                self.order.names.push(name);
            }
            members.next_value_seed(Walk { order: &mut *self.order, names_properties })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items
            .next_element_seed(Walk { order: &mut *self.order, names_properties: false })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
