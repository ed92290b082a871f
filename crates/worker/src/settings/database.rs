//! Where the rows go.

use serde::Deserialize;
use service::settings::Environment;
use std::time::Duration;
use store::StoreSettings;

use crate::handle::INSERT_WITHIN;

#[derive(Default, Deserialize)]
struct Variables {
    database_url: Option<String>,
}

/// `DATABASE_URL`: default `postgres://test:test@localhost:5432/directory-form-data-test`, as in 2016;
/// TLS through libpq's `sslmode` and `sslrootcert`.
pub fn read(environment: &mut Environment, connections: u32) -> StoreSettings {
    let variables: Variables = environment.variables();
    let default = "postgres://test:test@localhost:5432/directory-form-data-test";
    let url = environment.text("DATABASE_URL", variables.database_url, default);
    // It ends by itself before it is given up.
    let insert_limit = INSERT_WITHIN - Duration::from_secs(1);
    StoreSettings {
        // One for each insert that is under way, and one for the probe and the health page.
        pool_size: connections + 1,
        insert_limit,
        // One row that waits for another transaction holds up its whole batch: half of the time is left to go row by row.
        statement_timeout: insert_limit / 2,
        ..StoreSettings::new(url.into())
    }
}
