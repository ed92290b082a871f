//! The form types that are served.

use std::collections::BTreeMap;

use crate::{form_type::FormType, schema::BadSchema};

/// Names that other routes already use, and that of the list of erasures for readers.
const RESERVED: [&str; 5] = ["docs", "erasures", "healthcheck", "metrics", "openapi.json"];

/// The form types that are served, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormTypes(BTreeMap<String, FormType>);

impl FormTypes {
    /// The form types with these names. `schemas` holds schema texts by type name; they add types
    /// or replace built-in ones.
    ///
    /// # Errors
    /// Each bad name and each bad schema, by name.
    pub fn new(
        names: &[String],
        schemas: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<(String, BadSchema)>> {
        let mut types = BTreeMap::new();
        let mut faults = Vec::new();
        // A schema that is not served yet is checked too, because it will be soon.
        let unserved = schemas.keys().filter(|name| !names.contains(name));
        for name in names.iter().chain(unserved) {
            let built = match schemas.get(name) {
                _ if !is_name(name) => Err(BadSchema::bad_name()),
                Some(schema) => FormType::from_schema(name, schema),
                None => FormType::built_in(name).unwrap_or_else(|| Err(BadSchema::missing())),
            };
            match built {
                Ok(form_type) if names.contains(name) => _ = types.insert(name.clone(), form_type),
                Ok(_) => {}
                Err(error) => faults.push((name.clone(), error)),
            }
        }
        if faults.is_empty() { Ok(Self(types)) } else { Err(faults) }
    }

    /// Keeps only the form types with these names.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        self.0.retain(|name, _| names.contains(name));
        self
    }

    /// All form types, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &FormType> {
        self.0.values()
    }
}

/// A name becomes a path segment, part of a queue's name and, in capitals, part of a variable's
/// name.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    starts_well && name.len() <= 40 && name.bytes().all(allowed) && !RESERVED.contains(&name)
}
