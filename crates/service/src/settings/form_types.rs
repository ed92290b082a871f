//! Which form types are served, and the schemas that an operator adds.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

use super::Environment;

/// Which form types are served, and the schemas that an operator adds.
#[derive(Clone, Debug)]
pub struct FormTypeSettings {
    /// `FORM_TYPES`: names with commas between; default `form`.
    pub names: Vec<String>,
    /// The texts of `<name>.schema.json` in `FORM_TYPES_DIR`, by name; default none.
    pub schemas: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Variables {
    form_types: Option<String>,
    form_types_dir: Option<String>,
}

const SUFFIX: &str = ".schema.json";

impl FormTypeSettings {
    /// Reads the variables and the files.
    pub fn read(environment: &mut Environment) -> Self {
        let variables: Variables = environment.variables();
        let names = environment.text("FORM_TYPES", variables.form_types, "form");
        let names = environment.names("FORM_TYPES", &names);
        let schemas = match environment.optional("FORM_TYPES_DIR", variables.form_types_dir) {
            Some(directory) => schemas_in(Path::new(&directory)).unwrap_or_else(|fault| {
                environment.fault("FORM_TYPES_DIR", fault);
                BTreeMap::new()
            }),
            None => BTreeMap::new(),
        };
        Self { names, schemas }
    }

    /// Says that a form type is at fault, under the variable that brought it.
    pub fn fault(&self, environment: &mut Environment, name: &str, what: &dyn std::fmt::Display) {
        if self.schemas.contains_key(name) {
            environment.fault(
                "FORM_TYPES_DIR",
                format_args!("has {name}{SUFFIX}, which is not right: {what}"),
            );
        } else {
            environment.fault("FORM_TYPES", format_args!("names {name}: {what}"));
        }
    }
}

fn schemas_in(directory: &Path) -> Result<BTreeMap<String, String>, String> {
    let cannot = |what: &str, error: &dyn std::fmt::Display| {
        format!("has {what}, which cannot be read: {error}")
    };
    let mut schemas = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|error| format!("cannot be read: {error}"))? {
        let entry = entry.map_err(|error| format!("cannot be read: {error}"))?;
        let file = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(SUFFIX) {
            let text = fs::read_to_string(entry.path()).map_err(|error| cannot(&file, &error))?;
            schemas.insert(name.to_owned(), text);
        }
    }
    Ok(schemas)
}
