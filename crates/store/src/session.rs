//! The connection of one call: replaced if it breaks, and never used after the call's deadline.

use std::time::{Duration, Instant};

use diesel::{
    PgConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    result::QueryResult,
};

use crate::{
    pool::{Connection, Pool},
    unavailable::{Unavailable, UnavailableKind},
};

/// The time limits of calls.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) pool_wait: Duration,
    pub(crate) statement: Duration,
    /// The limit of a whole call.
    pub(crate) insert: Duration,
    /// Whether they are set in each transaction, because the next one may get another session.
    pub(crate) in_each_transaction: bool,
}

impl Limits {
    /// SQL that limits statements, in this transaction or in the whole session.
    ///
    /// Many values are one array parameter each, and the best plan never depends on them. So PostgreSQL
    /// plans a statement once: planning takes longer than the insert of one row.
    ///
    /// With few rows in a table, a scan of it seems the cheapest plan, and a prepared statement would
    /// keep that plan while the table grows. A scan that cannot be avoided then seems so expensive
    /// that PostgreSQL would compile it, which takes longer than any statement of ours.
    ///
    /// With `synchronous_commit` off, a crash of PostgreSQL can lose a row that it reported as
    /// stored, and by then its message is deleted.
    pub(crate) fn set_up(&self, only_here: bool, statement: Duration) -> String {
        let (scope, end_if_abandoned) = (scope(only_here), end_if_abandoned(only_here));
        format!(
            "SET {scope} statement_timeout = {}; SET {scope} enable_seqscan = off; \
             SET {scope} jit = off; SET {scope} plan_cache_mode = force_generic_plan; {end_if_abandoned}; \
             SELECT set_config('synchronous_commit', 'on', {only_here}) WHERE current_setting('synchronous_commit') = 'off'",
            statement.as_millis()
        )
    }
}

/// SQL for every session, in this transaction or in the whole session: if this process dies or hangs,
/// PostgreSQL soon ends what the session does, so that its locks and its snapshot hold nobody back.
///
/// Before version 14, PostgreSQL cannot look whether the client of a running statement is still there.
pub(crate) fn end_if_abandoned(only_here: bool) -> String {
    let scope = scope(only_here);
    format!(
        "SET {scope} idle_in_transaction_session_timeout = '10s'; \
         SELECT set_config('client_connection_check_interval', '1s', {only_here}) \
             WHERE current_setting('client_connection_check_interval', true) IS NOT NULL"
    )
}

/// An open transaction makes the pool close the connection.
fn discard(mut connection: Connection) {
    drop(AnsiTransactionManager::begin_transaction(&mut *connection));
}

fn scope(only_here: bool) -> &'static str {
    if only_here { "LOCAL" } else { "SESSION" }
}

/// The connection of one call, with its deadline.
pub(crate) struct Session<'a> {
    pool: &'a Pool,
    limits: &'a Limits,
    /// `None` if it broke.
    connection: Option<Connection>,
    deadline: Instant,
    /// The `statement_timeout` that this session has set; `None` if the connection still has its
    /// usual one.
    timeout: Option<Duration>,
    /// The limit of each statement from now on.
    statement_limit: Duration,
}

impl<'a> Session<'a> {
    /// Takes a connection from the pool. The time of the call starts now.
    pub(crate) fn begin(pool: &'a Pool, limits: &'a Limits) -> Result<Self, Unavailable> {
        let mut session = Self {
            pool,
            limits,
            connection: None,
            deadline: Instant::now() + limits.insert,
            timeout: None,
            statement_limit: limits.statement,
        };
        let connection = session.connect()?;
        session.connection = Some(connection);
        Ok(session)
    }

    /// Limits each of the following statements to this time.
    pub(crate) fn limit_statements(&mut self, limit: Duration) {
        self.statement_limit = limit.min(self.limits.statement);
    }

    /// How long a statement may take now: at least a millisecond, because PostgreSQL reads 0 as "no
    /// limit".
    pub(crate) fn time_for_statement(&self) -> Duration {
        self.statement_limit.min(self.time_left()).max(Duration::from_millis(1))
    }

    /// Runs a statement or a transaction. If the connection breaks or turns out to be read-only,
    /// runs it again on another.
    ///
    /// So the statement may run twice, and the first run may have had an effect although it seemed
    /// to fail.
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

    /// Runs a transaction that only reads, once: `statement` may have effects outside the database.
    pub(crate) fn run_in_own_transaction<T>(
        &mut self,
        begin: &str,
        statement: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, Unavailable> {
        let mut connection = self.connection.take().map_or_else(|| self.connect(), Ok)?;
        let set_up = self.limits.set_up(true, self.time_for_statement());
        let result = connection
            .batch_execute(&format!("{begin}; {set_up}"))
            .and_then(|()| statement(&mut connection));
        // If this fails too, the connection is lost, and the pool will find that out.
        let _ = connection.batch_execute("ROLLBACK");
        self.connection = Some(connection);
        result.map_err(Unavailable::from)
    }

    /// Closes the connection. The next statement gets another.
    pub(crate) fn discard(&mut self) {
        if let Some(connection) = self.connection.take() {
            discard(connection);
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
        let result = if self.limits.in_each_transaction {
            self.run_in_transaction(&mut connection, statement)
        } else {
            self.set_timeout(&mut connection).and_then(|()| statement(&mut connection))
        };
        let result = result.map_err(Unavailable::from);
        match result.as_ref().map_err(|unavailable| unavailable.kind) {
            Err(UnavailableKind::ConnectionLost) => {}
            // The connection would stay read-only even if the database becomes writable: the
            // setting belongs to the session, or the server is no longer the primary.
            Err(UnavailableKind::ReadOnly) => discard(connection),
            _ => self.connection = Some(connection),
        }
        result
    }

    /// Costs two more round trips than the statement alone.
    fn run_in_transaction<T>(
        &self,
        connection: &mut PgConnection,
        statement: impl Fn(&mut PgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let set_up = self.limits.set_up(true, self.time_for_statement());
        let result = connection
            .batch_execute(&format!("BEGIN; {set_up}"))
            .and_then(|()| statement(connection))
            .and_then(|answer| connection.batch_execute("COMMIT").map(|()| answer));
        if result.is_err() {
            // If this fails too, the connection is lost, and the pool will find that out.
            let _ = connection.batch_execute("ROLLBACK");
        }
        result
    }

    fn connect(&mut self) -> Result<Connection, Unavailable> {
        self.timeout = None;
        self.pool.get(self.limits.pool_wait.min(self.time_left()))
    }

    /// Costs a round trip only if the connection's current timeout is longer than the statement may
    /// take.
    fn set_timeout(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let wanted = self.time_for_statement();
        if wanted < self.timeout.unwrap_or(self.limits.statement) {
            connection.batch_execute(&format!("SET statement_timeout = {}", wanted.as_millis()))?;
            self.timeout = Some(wanted);
        }
        Ok(())
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Restores the timeout for the next user of the connection.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let (Some(connection), Some(_)) = (&mut self.connection, self.timeout)
            && connection.batch_execute(&self.limits.set_up(false, self.limits.statement)).is_err()
        {
            log::debug!("A connection returns to the pool with a short statement_timeout.");
        }
    }
}
