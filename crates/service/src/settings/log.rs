//! What is logged, and how.

use env_filter::Builder;

use super::environment::Environment;

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// Directives of env_logger, such as `info` or `worker=debug`.
    pub directives: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// What a log line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, target, and a sentence followed by `key=value` fields.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogSettings {
    /// Warnings and errors of everybody, in the same format, whatever `RUST_LOG` says.
    pub fn only_warnings(&self) -> Self {
        Self { directives: "warn".to_owned(), ..*self }
    }

    /// Reads the variables of a service.
    pub fn read(environment: &mut Environment) -> Self {
        Self::read_with_default(environment, "info")
    }

    /// Reads the variables of a command, which says itself what it did.
    pub fn read_for_command(environment: &mut Environment) -> Self {
        Self::read_with_default(environment, "warn")
    }

    fn read_with_default(environment: &mut Environment, directives: &str) -> Self {
        Self {
            format: environment.either(
                "LOG_FORMAT",
                [("text", LogFormat::Text), ("json", LogFormat::Json)],
                "How a log line looks: a sentence with `key=value` fields, or one JSON object.",
            ),
            directives: environment.checked(
                "RUST_LOG",
                directives,
                "directives of env_logger, such as `info` or `worker=debug`",
                |text| Builder::new().try_parse(text).is_ok(),
                "Which lines are logged. Libraries log only warnings and errors at any setting: their other lines may show form data.",
            ),
        }
    }
}
