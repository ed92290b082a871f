//! How much the worker does at a time.

use service::settings::Environment;

/// How much the worker does at a time.
#[derive(Clone, Debug)]
pub struct WorkSettings {
    /// Maximum number of polls at the same time.
    pub pollers: usize,
    /// Maximum number of inserts at the same time.
    pub connections: u32,
    /// Maximum number of rows in one insert.
    pub batch_rows: usize,
    /// No new poll starts while the bodies of messages received and not settled have this size.
    pub bytes_in_flight: usize,
    /// `None` means all in `FORM_TYPES`.
    pub form_types: Option<Vec<String>>,
    /// Whether the worker runs pending migrations at start.
    pub migrate_on_start: bool,
}

impl WorkSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        Self {
            form_types: environment.optional_names(
                "WORKER_FORM_TYPES",
                "all in `FORM_TYPES`",
                "names of form types with commas between them",
                "The form types that this worker consumes, each of which `FORM_TYPES` must name.",
            ),
            pollers: environment.number(
                "WORKER_POLLERS",
                8,
                1..=64,
                "How many polls run at the same time. If few messages come, one does.",
            ),
            connections: environment.number(
                "WORKER_CONNECTIONS",
                2,
                1..=64,
                "How many inserts run at the same time.",
            ),
            batch_rows: environment.number(
                "WORKER_BATCH_ROWS",
                500,
                1..=10_000,
                "The largest number of rows in one insert.",
            ),
            bytes_in_flight: environment.bytes(
                "WORKER_BYTES_IN_HAND",
                32 << 20,
                1..=1 << 36,
                "No new poll starts while the bodies of the messages in flight (received and not settled) have this size.",
            ),
            migrate_on_start: environment.flag(
                "MIGRATE_ON_START",
                true,
                "Whether the worker runs pending migrations at start.",
            ),
        }
    }
}
