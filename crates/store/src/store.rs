//! The store: a connection pool and its time limits.

use diesel::{PgConnection, connection::SimpleConnection};

use crate::{
    connection_string::ConnectionString,
    direct,
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
    pub(crate) limits: Limits,
}

impl Store {
    /// A store on this database. Does not connect yet.
    pub fn new(settings: &StoreSettings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let target = ConnectionString::build(settings)?;
        let timeout = settings.statement_timeout;
        let limits = Limits {
            pool_wait: settings.pool_wait,
            statement: target.statement_timeout().map_or(timeout, |own| own.min(timeout)),
            insert: settings.insert_limit,
            in_each_transaction: settings.transaction_pooling,
        };
        Ok(Self { pool: Pool::new(settings, &target, &limits), target, limits })
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

    /// How many connections of the pool are in use.
    pub fn connections_in_use(&self) -> u32 {
        self.pool.in_use()
    }

    /// How many connections the pool may open.
    pub fn connections_limit(&self) -> u32 {
        self.pool.limit()
    }

    /// A connection outside the pool, for work that takes long or needs a session; `None` if a pooler
    /// stands between.
    pub(crate) fn connect_directly(&self) -> Result<Option<PgConnection>, Unavailable> {
        if self.limits.in_each_transaction {
            return Ok(None);
        }
        direct::connect(&self.target).map(Some)
    }

    /// The connection of one call; the time of the call starts now.
    pub(crate) fn session(&self) -> Result<Session<'_>, Unavailable> {
        Session::begin(&self.pool, &self.limits)
    }
}
