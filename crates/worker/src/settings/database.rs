//! Where the rows go.

use std::time::Duration;

use service::settings::Environment;
use store::StoreSettings;

use crate::handle::INSERT_WITHIN;

/// The database, and what it must promise.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    pub store: StoreSettings,
    /// Whether the worker is ready only if PostgreSQL has a synchronous standby.
    pub require_sync_standby: bool,
}

impl DatabaseSettings {
    /// Reads the variables; the default of the URL is the one of 2016.
    pub fn read(environment: &mut Environment, connections: u32, keeps_invalid: bool) -> Self {
        let url = environment.text(
            "DATABASE_URL",
            "postgres://test:test@localhost:5432/directory-form-data-test",
            "a URL of PostgreSQL",
            "The database the rows go to. For TLS, set libpq's `sslmode` and `sslrootcert` in it.",
        );
        let transaction_pooling = environment.flag(
            "DATABASE_TRANSACTION_POOLING",
            false,
            "Set it to `true` if `DATABASE_URL` leads to PgBouncer with `pool_mode = transaction`. \
             Migrations need a direct connection then.",
        );
        let require_sync_standby = environment.flag(
            "REQUIRE_SYNC_STANDBY",
            false,
            "Whether the worker is ready only while PostgreSQL has a connected standby for which each COMMIT waits. \
             Managed databases such as RDS and Aurora do not show theirs: leave it `false` there.",
        );
        // The insert ends by itself before the worker gives it up.
        let insert_limit = INSERT_WITHIN - Duration::from_secs(1);
        let store = StoreSettings {
            // One for each insert at the same time, one for the watermark, the probe and the health
            // page, and one to keep invalid messages, so that no insert waits for that.
            pool_size: connections + 1 + u32::from(keeps_invalid),
            insert_limit,
            transaction_pooling,
            // One row that waits for another transaction holds up its whole batch: half of the time
            // is left to go row by row.
            statement_timeout: insert_limit / 2,
            ..StoreSettings::new(url.into())
        };
        if let Err(error) = store.validate() {
            environment.fault("DATABASE_URL", format_args!("is not right: {error}"));
        }
        Self { store, require_sync_standby }
    }

    /// Warns of settings that are allowed and probably not meant.
    pub fn warn(&self) {
        if self.store.may_send_plain_text() {
            log::warn!(
                "DATABASE_URL names another machine and no sslmode: forms and password may cross the network in plain text. \
                 Set sslmode=verify-full, or sslmode=disable if that is what you want."
            );
        }
    }
}
