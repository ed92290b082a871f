//! Where the rows go.

use process::settings::Environment;
use serde::Deserialize;
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
    StoreSettings {
        // One for each insert that is under way, and one for the probe and the health page.
        pool_size: connections + 1,
        // It ends by itself before it is given up.
        insert_limit: INSERT_WITHIN - Duration::from_secs(1),
        ..StoreSettings::new(url.into())
    }
}
