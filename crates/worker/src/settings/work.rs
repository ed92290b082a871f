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
    /// Maximum size of the messages in one insert.
    pub batch_bytes: usize,
    /// Maximum size of the messages in flight and of everything that open polls may bring.
    pub bytes_in_flight: usize,
    /// `None` means all in `FORM_TYPES`.
    pub form_types: Option<Vec<String>>,
    /// Whether the worker runs pending migrations at start.
    pub migrate_on_start: bool,
    /// Whether the worker takes the messages of the invalid queues into the database.
    pub keeps_invalid: bool,
}

/// Whether invalid messages are kept in the database; workers and commands must agree.
pub fn read_keeps_invalid(environment: &mut Environment) -> bool {
    environment.flag(
        "WORKER_KEEPS_INVALID",
        true,
        "Whether the worker takes the messages of the invalid queues into the database, where they do not expire. \
         With `false` it leaves them there, and `worker invalid list` and `worker redrive` work on the queue.",
    )
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
            batch_bytes: environment.bytes(
                "WORKER_BATCH_BYTES",
                4 << 20,
                1..=1 << 30,
                "The largest size of the messages in one insert; a larger message is inserted alone.",
            ),
            bytes_in_flight: environment.bytes(
                "WORKER_BYTES_IN_HAND",
                96 << 20,
                1..=1 << 36,
                "The largest size of all messages in flight (received and not settled) and of what open polls may bring: \
                 10 times the queue's `MaximumMessageSize` each. The worker uses more only if one poll of each form type \
                 does not fit.",
            ),
            migrate_on_start: environment.flag(
                "MIGRATE_ON_START",
                true,
                "Whether the worker runs pending migrations at start.",
            ),
            keeps_invalid: read_keeps_invalid(environment),
        }
    }
}
