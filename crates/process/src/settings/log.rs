//! What is logged.

use serde::Deserialize;

use super::Environment;

/// What is logged.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// `RUST_LOG`: directives of env_logger, such as `info` or `worker=debug`; default `info`.
    pub directives: String,
}

#[derive(Default, Deserialize)]
struct Variables {
    rust_log: Option<String>,
}

impl LogSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let variables: Variables = environment.variables();
        Self { directives: environment.text("RUST_LOG", variables.rust_log, "info") }
    }
}
