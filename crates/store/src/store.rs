//! The store: a connection pool and its time limits.

use diesel::connection::SimpleConnection;

use crate::{
    connection_string::ConnectionString,
    pool::Pool,
    probe,
    session::{Limits, Session},
    settings::{InvalidSettings, StoreSettings},
    unavailable::Unavailable,
};

/// Submissions in PostgreSQL. Cheap to clone; clones share the pool.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    pub(crate) target: ConnectionString,
    limits: Limits,
}

impl Store {
    /// A store on this database. Does not connect yet.
    pub fn new(settings: &StoreSettings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let target = ConnectionString::build(settings)?;
        let usual_timeout = if target.sets_statement_timeout() {
            "RESET statement_timeout".to_owned()
        } else {
            format!("SET statement_timeout = {}", settings.statement_timeout.as_millis())
        };
        // With synchronous_commit off, a crash of PostgreSQL can lose a row that it reported as
        // stored, and by then its message is deleted.
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

    /// Checks that the database can store a row: inserts one and takes it back. This notices a
    /// read-only database and a full disk, which still answer `SELECT 1`.
    pub fn probe(&self) -> Result<(), Unavailable> {
        self.session()?.run(probe::insert_and_undo)
    }

    /// Checks that the database answers. Writes nothing, so that a health page can call it.
    pub fn ping(&self) -> Result<(), Unavailable> {
        self.session()?.run(|connection| connection.batch_execute("SELECT 1"))
    }

    /// The connection of one call; the time of the call starts now.
    pub(crate) fn session(&self) -> Result<Session<'_>, Unavailable> {
        Session::begin(&self.pool, &self.limits)
    }
}
