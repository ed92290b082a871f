//! How much the worker does at a time.

use serde::Deserialize;
use service::settings::Environment;

/// How much the worker does at a time.
#[derive(Clone, Debug)]
pub struct WorkSettings {
    /// `WORKER_POLLERS`: polls at the same time, 1–64; default 8. One polls when little comes.
    pub pollers: usize,
    /// `WORKER_CONNECTIONS`: inserts at the same time, 1–64; default 2.
    pub connections: u32,
    /// `WORKER_BATCH_ROWS`: rows in one insert at the most, 1–10000; default 500.
    pub batch_rows: usize,
    /// `WORKER_BYTES_IN_HAND`: bytes of bodies received and not settled with which no new poll starts; default 32 MiB.
    pub bytes_in_hand: usize,
    /// `WORKER_FORM_TYPES`: the form types that this worker consumes, of those in `FORM_TYPES`; default all.
    pub form_types: Option<Vec<String>>,
    /// `MIGRATE_ON_START`: whether pending migrations are run at start; default true.
    pub migrate_on_start: bool,
}

#[derive(Default, Deserialize)]
struct Variables {
    worker_pollers: Option<String>,
    worker_connections: Option<String>,
    worker_batch_rows: Option<String>,
    worker_bytes_in_hand: Option<String>,
    worker_form_types: Option<String>,
    migrate_on_start: Option<String>,
}

impl WorkSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let v: Variables = environment.variables();
        let form_types = environment.optional("WORKER_FORM_TYPES", v.worker_form_types);
        Self {
            form_types: form_types.map(|list| environment.names("WORKER_FORM_TYPES", &list)),
            pollers: environment.number("WORKER_POLLERS", v.worker_pollers, 8, 1..=64),
            connections: environment.number("WORKER_CONNECTIONS", v.worker_connections, 2, 1..=64),
            batch_rows: environment.number(
                "WORKER_BATCH_ROWS",
                v.worker_batch_rows,
                500,
                1..=10_000,
            ),
            bytes_in_hand: environment.number(
                "WORKER_BYTES_IN_HAND",
                v.worker_bytes_in_hand,
                32 << 20,
                1..=1 << 36,
            ),
            migrate_on_start: environment.flag("MIGRATE_ON_START", v.migrate_on_start, true),
        }
    }
}
