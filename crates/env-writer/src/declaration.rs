//! The JSON file that describes one `.env` file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::report::Problem;

/// The content of the JSON file; names are not checked yet.
///
/// All members are required and no others are allowed. Otherwise a misspelt member would silently
/// leave out variables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The name of a host variable is this prefix, `_` and the name.
    pub host_env_var_prefix: String,
    /// Relative to the current directory, not to the JSON file.
    pub file_path: PathBuf,
    pub env_vars: EnvVars,
}

/// Names without the prefix, in the order in which they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvVars {
    pub required: Vec<String>,
    pub optional: Vec<String>,
}

impl Declaration {
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read(path).map_err(Problem::Unreadable)?;
        serde_json::from_slice(&text).map_err(Problem::NotADeclaration)
    }
}
