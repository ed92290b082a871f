//! One call's connection: replaced when it breaks, and out of time when the call is.

use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::QueryResult;

use crate::pool::Connection;
use crate::{Store, Unavailable, UnavailableKind};

/// A connection for the time of one call.
pub(crate) struct Session<'a> {
    store: &'a Store,
    /// `None` after it broke.
    connection: Option<Connection>,
    deadline: Instant,
    /// The `statement_timeout` that this session has set; `None` for the connection's own.
    timeout: Option<Duration>,
    /// What a statement may take from now on.
    statement_limit: Duration,
}

impl<'a> Session<'a> {
    /// Takes a connection from the pool; from here the time of the call runs.
    pub(crate) fn begin(store: &'a Store) -> Result<Self, Unavailable> {
        let mut session = Self {
            store,
            connection: None,
            deadline: Instant::now() + store.limits.insert,
            timeout: None,
            statement_limit: store.limits.statement,
        };
        let connection = session.connect()?;
        session.connection = Some(connection);
        Ok(session)
    }

    /// Lets the statements that follow take no longer than this.
    pub(crate) fn limit_statements(&mut self, limit: Duration) {
        self.statement_limit = limit.min(self.store.limits.statement);
    }

    /// What a statement may take now; no less than a millisecond, for 0 means "for ever" to PostgreSQL.
    pub(crate) fn time_for_statement(&self) -> Duration {
        self.statement_limit.min(self.time_left()).max(Duration::from_millis(1))
    }

    /// Runs a statement or a transaction; where the connection breaks or turns out to be read-only, once more on another.
    ///
    /// So the statement may run twice, the first time with an effect that nobody heard of.
    pub(crate) fn run<T>(
        &mut self,
        statement: impl Fn(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, Unavailable> {
        match self.run_once(&statement) {
            Err(Unavailable {
                kind: UnavailableKind::ConnectionLost | UnavailableKind::ReadOnly,
                ..
            }) => self.run_once(&statement),
            result => result,
        }
    }

    fn run_once<T>(
        &mut self,
        statement: impl Fn(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, Unavailable> {
        if self.time_left().is_zero() {
            return Err(Unavailable::new(UnavailableKind::DeadlinePassed));
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = self
            .set_timeout(&mut connection)
            .and_then(|()| statement(&mut connection))
            .map_err(Unavailable::from);
        match result.as_ref().map_err(|away| away.kind) {
            Err(UnavailableKind::ConnectionLost) => {}
            // It would stay read-only for as long as it lives, whatever becomes of the database: the setting is the
            // session's, or the server is no longer the primary. The pool closes what comes back in a transaction.
            Err(UnavailableKind::ReadOnly) => {
                drop(AnsiTransactionManager::begin_transaction(&mut *connection))
            }
            _ => self.connection = Some(connection),
        }
        result
    }

    fn connect(&mut self) -> Result<Connection, Unavailable> {
        self.timeout = None;
        self.store.pool.get(self.store.limits.pool_wait.min(self.time_left()))
    }

    /// Costs a round trip only when the connection's own timeout is longer than what may be waited.
    fn set_timeout(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let wanted = self.time_for_statement();
        if wanted < self.timeout.unwrap_or(self.store.limits.statement) {
            connection.batch_execute(&format!("SET statement_timeout = {}", wanted.as_millis()))?;
            self.timeout = Some(wanted);
        }
        Ok(())
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// The next borrower finds the connection as it was.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let (Some(connection), Some(_)) = (&mut self.connection, self.timeout)
            && connection.batch_execute(&self.store.limits.usual_timeout).is_err()
        {
            log::debug!("A connection is given back with a short statement_timeout");
        }
    }
}
