//! The settings of a store.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::connection_string::{self, ConnectionString};

/// How to reach the database, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `postgres://…` or libpq's `key=value` form. Parameters in it (`sslmode`, `connect_timeout`,
    /// …) override the fields below.
    pub database_url: SecretString,
    /// The maximum number of connections. They are opened when needed.
    pub pool_size: u32,
    /// How long a call waits for a connection.
    pub pool_wait: Duration,
    /// How long PostgreSQL may work on one statement. A `statement_timeout` in the URL can only
    /// shorten it.
    pub statement_timeout: Duration,
    /// How long opening a connection may take. libpq counts in whole seconds and takes at least 2.
    pub connect_timeout: Duration,
    /// How long sent data may stay unacknowledged by the network.
    pub tcp_user_timeout: Duration,
    /// How long a whole call of [`crate::Store::insert_once`] may take. After that the remaining
    /// rows are undecided.
    pub insert_limit: Duration,
    /// Whether each transaction may get another connection to PostgreSQL, as behind PgBouncer with
    /// `pool_mode = transaction`. Then the store keeps nothing in a session: it prepares no
    /// statements and sets its limits in each transaction, which costs two more round trips.
    pub transaction_pooling: bool,
}

impl StoreSettings {
    /// The defaults: 4 connections, 5 s to get one of them, 10 s for a statement, 15 s for a batch.
    pub fn new(database_url: SecretString) -> Self {
        Self {
            database_url,
            pool_size: 4,
            pool_wait: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            tcp_user_timeout: Duration::from_secs(10),
            insert_limit: Duration::from_secs(15),
            transaction_pooling: false,
        }
    }

    /// Whether the connection leaves this machine and nobody has said whether it uses TLS. libpq's
    /// default takes plain text if the server offers nothing else, and anyone between can see to
    /// that.
    pub fn may_send_plain_text(&self) -> bool {
        connection_string::is_remote_without_sslmode(self.database_url.expose_secret())
    }

    /// Checks the URL and the times, without a connection.
    ///
    /// # Errors
    /// Something is wrong with them.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        self.check()?;
        ConnectionString::build(self).map(drop)
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        if self.pool_size == 0 {
            return Err(InvalidSettings::NoConnections);
        }
        // PostgreSQL and libpq read 0 as "no limit".
        for (name, duration) in [
            ("pool_wait", self.pool_wait),
            ("statement_timeout", self.statement_timeout),
            ("connect_timeout", self.connect_timeout),
            ("tcp_user_timeout", self.tcp_user_timeout),
            ("insert_limit", self.insert_limit),
        ] {
            if duration.as_millis() == 0 {
                return Err(InvalidSettings::NoTime(name));
            }
            if i32::try_from(duration.as_millis()).is_err() {
                return Err(InvalidSettings::TooLong(name));
            }
        }
        Ok(())
    }
}

/// Why settings cannot be used. Never quotes the URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSettings {
    /// libpq would not accept the URL.
    #[error("the database URL {0}")]
    Url(&'static str),
    /// The pool would have no connections.
    #[error("pool_size is 0")]
    NoConnections,
    /// A duration is under 1 ms.
    #[error("{0} is less than 1 ms")]
    NoTime(&'static str),
    /// A duration is too long for PostgreSQL, which counts in milliseconds.
    #[error("{0} is more than 24 days")]
    TooLong(&'static str),
}
