//! The names of the served form types, and the schemas that an operator adds.

use std::{collections::BTreeMap, fs, io, path::Path};

use domain::FormTypes;
use service::settings::Environment;

const SUFFIX: &str = ".schema.json";

/// The names of the served form types, and the schemas that an operator adds.
pub struct FormTypeNames {
    pub names: Vec<String>,
    /// The texts of the files in `FORM_TYPES_DIR`, by form type.
    schemas: BTreeMap<String, String>,
}

impl FormTypeNames {
    /// Reads the variables and the files.
    pub fn read(environment: &mut Environment) -> Self {
        let names = environment.names(
            "FORM_TYPES",
            "form",
            "names with commas between them",
            "The form types that are served. `form` and `enrolment` are built in.",
        );
        let directory = environment.optional(
            "FORM_TYPES_DIR",
            "none",
            "a directory",
            "Where more form types come from, each in a file `<name>.schema.json`. A schema there replaces the built-in one of that name.",
        );
        let schemas = directory.map_or(Ok(BTreeMap::new()), |path| schemas_in(Path::new(&path)));
        let schemas = schemas.unwrap_or_else(|fault| {
            environment.fault("FORM_TYPES_DIR", fault);
            BTreeMap::new()
        });
        Self { names, schemas }
    }

    /// Checks the schemas. A wrong schema is a fault of the variable that brought it, and then the result is empty.
    pub fn types(&self, environment: &mut Environment) -> FormTypes {
        FormTypes::new(&self.names, &self.schemas).unwrap_or_else(|faults| {
            for (name, fault) in faults {
                if self.schemas.contains_key(&name) {
                    let what = format_args!("has {name}{SUFFIX}, which is not right: {fault}");
                    environment.fault("FORM_TYPES_DIR", what);
                } else {
                    environment.fault("FORM_TYPES", format_args!("names {name}: {fault}"));
                }
            }
            FormTypes::default()
        })
    }
}

/// The texts of all schemas in a directory, by form type.
fn schemas_in(directory: &Path) -> Result<BTreeMap<String, String>, Fault> {
    let mut schemas = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(Fault::Directory)? {
        let entry = entry.map_err(Fault::Directory)?;
        let file = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(SUFFIX) {
            let text = fs::read_to_string(entry.path());
            let text = text.map_err(|error| Fault::File(file.clone(), error))?;
            schemas.insert(name.to_owned(), text);
        }
    }
    Ok(schemas)
}

/// What is wrong with `FORM_TYPES_DIR`.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot be read: {0}")]
    Directory(io::Error),
    #[error("has {0}, which cannot be read: {1}")]
    File(String, io::Error),
}
