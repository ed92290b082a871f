//! Where clients, their traces and the rows are.

use std::time::Duration;

use secrecy::SecretString;
use service::settings::Environment;
use store::StoreSettings;

/// The primary, and the database from which rows are read.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Has the clients, and takes what the reader writes.
    pub primary: StoreSettings,
    /// Has the rows; it may be a replica of the primary.
    pub rows: StoreSettings,
    /// How many connections read rows for clients.
    pub rows_turns: u32,
    /// How many connections ask the primary for clients.
    pub primary_turns: u32,
    /// How long each statement that reads rows may take.
    pub statement: Duration,
}

/// For clients, notes and the watermark, one each.
const FOR_BACKGROUND: u32 = 3;
/// For the records of exports and the states of submissions.
const PRIMARY_TURNS: u32 = 2;
/// Cancels what nobody waits for any more.
const TO_CANCEL: u32 = 1;
/// Opening a transaction, the statement itself, and closing.
const BESIDE_STATEMENT: Duration = Duration::from_secs(5);

impl DatabaseSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let primary = environment.text(
            "DATABASE_URL",
            "postgres://test:test@localhost:5432/directory-form-data-test",
            "a URL of PostgreSQL",
            "The primary, which has the clients and notes what they read. For TLS, set libpq's `sslmode` and `sslrootcert` in it.",
        );
        let rows = environment.optional(
            "READER_DATABASE_URL",
            "`DATABASE_URL`",
            "a URL of PostgreSQL, which is a secret",
            "The database from which rows are read; it may be a replica of the primary.",
        );
        let connections = environment.number(
            "READER_CONNECTIONS",
            8,
            1..=100,
            "How many connections may read rows at the same time. One more ends the queries of clients that have gone, and five go to the primary.",
        );
        let statement = environment.seconds(
            "READER_STATEMENT_SECONDS",
            10,
            1..=300,
            "How long PostgreSQL may work on one statement for a client.",
        );
        let transaction_pooling = environment.flag(
            "DATABASE_TRANSACTION_POOLING",
            false,
            "Set it to `true` if the databases are behind PgBouncer with `pool_mode = transaction`.",
        );
        let settings = |url: &str, pool_size| StoreSettings {
            pool_size,
            transaction_pooling,
            statement_timeout: statement,
            insert_limit: statement + BESIDE_STATEMENT,
            ..StoreSettings::new(SecretString::from(url))
        };
        let rows_url = rows.as_deref().unwrap_or(&primary);
        let settings = Self {
            primary: settings(&primary, FOR_BACKGROUND + PRIMARY_TURNS),
            rows: settings(rows_url, connections + TO_CANCEL),
            rows_turns: connections,
            primary_turns: PRIMARY_TURNS,
            statement,
        };
        for (name, store) in
            [("DATABASE_URL", &settings.primary), ("READER_DATABASE_URL", &settings.rows)]
        {
            // A fault of the first is not one of the second, too.
            if let (true, Err(error)) = (name == "DATABASE_URL" || rows.is_some(), store.validate())
            {
                environment.fault(name, format_args!("is not right: {error}"));
            }
        }
        settings
    }

    /// Warns of settings that are allowed and probably not meant.
    pub fn warn(&self) {
        if self.primary.may_send_plain_text() || self.rows.may_send_plain_text() {
            log::warn!(
                "A URL of a database names another machine and no sslmode: rows and password may cross the network in plain text. \
                 Set sslmode=verify-full, or sslmode=disable if that is what you want."
            );
        }
    }
}
