//! The store: a pool and its limits.

use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::connection_string::ConnectionString;
use crate::pool::Pool;
use crate::session::Session;
use crate::{InvalidSettings, StoreSettings, Unavailable, statements};

/// Submissions in PostgreSQL. Cheap to clone; clones share the pool.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: Pool,
    pub(crate) target: ConnectionString,
    pub(crate) limits: Limits,
}

/// How long things may take.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) pool_wait: Duration,
    pub(crate) statement: Duration,
    /// SQL that gives a connection its own `statement_timeout` back.
    pub(crate) usual_timeout: String,
    pub(crate) insert: Duration,
}

impl Store {
    /// A store on the database that the settings name. Does not connect.
    pub fn new(settings: &StoreSettings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let target = ConnectionString::build(settings)?;
        let usual_timeout = if target.sets_statement_timeout() {
            "RESET statement_timeout".to_owned()
        } else {
            format!("SET statement_timeout = {}", settings.statement_timeout.as_millis())
        };
        // With synchronous_commit off, a row that was reported as stored can be gone after a crash, and its message too.
        let set_up = format!(
            "{usual_timeout}; \
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        );
        Ok(Self {
            pool: Pool::new(settings, &target, set_up),
            target,
            limits: Limits {
                pool_wait: settings.pool_wait,
                statement: settings.statement_timeout,
                usual_timeout,
                insert: settings.insert_limit,
            },
        })
    }

    /// Whether the database can store a row now: stores one and takes it back, so that a read-only database and a full
    /// disk are seen, which answer `SELECT 1` as ever.
    pub fn probe(&self) -> Result<(), Unavailable> {
        Session::begin(self)?.run(statements::store_nothing)
    }

    /// Whether the database answers, for a health page: nothing is written.
    pub fn ping(&self) -> Result<(), Unavailable> {
        Session::begin(self)?.run(|connection| connection.batch_execute("SELECT 1"))
    }
}
