//! Where the rows go.

use std::time::Duration;

use service::settings::Environment;
use store::StoreSettings;

use crate::handle::INSERT_WITHIN;

/// Reads the variable; the default is the one of 2016.
pub fn read(environment: &mut Environment, connections: u32) -> StoreSettings {
    let url = environment.text(
        "DATABASE_URL",
        "postgres://test:test@localhost:5432/directory-form-data-test",
        "a URL of PostgreSQL",
        "The database the rows go to. For TLS, set libpq's `sslmode` and `sslrootcert` in it.",
    );
    // The insert ends by itself before the worker gives it up.
    let insert_limit = INSERT_WITHIN - Duration::from_secs(1);
    let settings = StoreSettings {
        // One for each insert at the same time, and one for the probe and the health page.
        pool_size: connections + 1,
        insert_limit,
        // One row that waits for another transaction holds up its whole batch: half of the time is left to go row by row.
        statement_timeout: insert_limit / 2,
        ..StoreSettings::new(url.into())
    };
    if let Err(error) = settings.validate() {
        environment.fault("DATABASE_URL", format_args!("is not right: {error}"));
    }
    settings
}
