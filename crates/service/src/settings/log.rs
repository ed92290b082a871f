//! What is logged.

use serde::Deserialize;

use super::Environment;

/// What is logged.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// `RUST_LOG`: directives of env_logger, such as `info` or `worker=debug`; default `info`.
    pub directives: String,
    /// `LOG_FORMAT`: `text` or `json`; default `text`.
    pub format: LogFormat,
}

/// What a log line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, place, and a sentence with `key=value` behind it.
    Text,
    /// An object a line.
    Json,
}

#[derive(Default, Deserialize)]
struct Variables {
    rust_log: Option<String>,
    log_format: Option<String>,
}

impl LogSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let variables: Variables = environment.variables();
        let format = match environment.text("LOG_FORMAT", variables.log_format, "text").as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => {
                environment.fault("LOG_FORMAT", "must be text or json");
                LogFormat::Text
            }
        };
        Self { directives: environment.text("RUST_LOG", variables.rust_log, "info"), format }
    }
}
