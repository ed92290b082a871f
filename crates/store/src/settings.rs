//! What a store needs to know.

use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;

/// How to reach the database, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `postgres://…` or libpq's `key=value` form. What it sets itself (`sslmode`, `connect_timeout`,
    /// `options=-c statement_timeout=…`, …) goes before the fields below.
    pub database_url: SecretString,
    /// Connections at most; they are opened when needed.
    pub pool_size: u32,
    /// How long a call waits for a connection.
    pub pool_wait: Duration,
    /// How long PostgreSQL may work on one statement.
    pub statement_timeout: Duration,
    /// How long opening a connection may take; libpq counts whole seconds, 2 at least.
    pub connect_timeout: Duration,
    /// How long the network may leave what was sent unacknowledged.
    pub tcp_user_timeout: Duration,
    /// How long [`crate::Store::insert_once`] may take as a whole; after that the rest is undecided.
    pub insert_limit: Duration,
}

impl StoreSettings {
    /// The defaults: 4 connections, 5 s for one of them, 10 s for a statement, 15 s for a batch.
    pub fn new(database_url: SecretString) -> Self {
        Self {
            database_url,
            pool_size: 4,
            pool_wait: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            tcp_user_timeout: Duration::from_secs(10),
            insert_limit: Duration::from_secs(15),
        }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        if self.pool_size == 0 {
            return Err(InvalidSettings::NoConnections);
        }
        // In PostgreSQL and libpq 0 means "for ever".
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

/// Why there can be no store with these settings. Never quotes the URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSettings {
    /// The URL is not one that libpq takes.
    #[error("the database URL {0}")]
    Url(&'static str),
    /// A pool of no connections.
    #[error("pool_size is 0")]
    NoConnections,
    /// A duration under 1 ms.
    #[error("{0} is less than 1 ms")]
    NoTime(&'static str),
    /// A duration that PostgreSQL cannot count in milliseconds.
    #[error("{0} is more than 24 days")]
    TooLong(&'static str),
}
