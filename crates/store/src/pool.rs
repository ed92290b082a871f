//! The connection pool.

use std::{sync::Arc, time::Duration};

use diesel::{
    PgConnection,
    connection::{CacheSize, Connection as _, SimpleConnection},
    r2d2::{
        ConnectionManager, CustomizeConnection, Error as ConnectError, HandleError,
        Pool as R2d2Pool, PooledConnection,
    },
};
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use crate::{
    connection_string::ConnectionString,
    session::Limits,
    settings::StoreSettings,
    unavailable::{Unavailable, UnavailableKind, one_line},
};

/// A connection from the pool. It returns there on drop.
pub(crate) type Connection = PooledConnection<ConnectionManager<PgConnection>>;

/// The pool, and why it last failed to open a connection.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    connections: R2d2Pool<ConnectionManager<PgConnection>>,
    last_fault: Arc<LastFault>,
}

impl Pool {
    /// Does not connect yet: it is fine if the database is unavailable at the start.
    pub(crate) fn new(
        settings: &StoreSettings,
        target: &ConnectionString,
        limits: &Limits,
    ) -> Self {
        let last_fault = Arc::new(LastFault::default());
        let connections = R2d2Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(0))
            .connection_timeout(settings.pool_wait)
            // Costs one round trip per batch. It finds connections that died with an earlier server
            // before they are used.
            .test_on_check_out(true)
            .connection_customizer(Box::new(SetUp {
                limits: limits.clone(),
                last_fault: last_fault.clone(),
            }))
            .error_handler(Box::new(RememberFault(last_fault.clone())))
            .build_unchecked(ConnectionManager::new(target.as_secret().expose_secret()));
        Self { connections, last_fault }
    }

    /// How many connections calls use at this moment.
    pub(crate) fn in_use(&self) -> u32 {
        let state = self.connections.state();
        state.connections.saturating_sub(state.idle_connections)
    }

    /// How many connections there can be.
    pub(crate) fn limit(&self) -> u32 {
        self.connections.max_size()
    }

    /// A connection that has just answered `SELECT 1`.
    pub(crate) fn get(&self, wait: Duration) -> Result<Connection, Unavailable> {
        self.connections.get_timeout(wait).map_err(|_| match self.last_fault.get() {
            Some(fault) => Unavailable::because(UnavailableKind::ConnectionFailed, &fault),
            None => Unavailable::new(UnavailableKind::PoolTimeout),
        })
    }
}

/// Why the pool last failed to open a connection. r2d2 gives the reason to only one of the waiting
/// calls; here all of them can read it until a connection is opened.
#[derive(Debug, Default)]
struct LastFault(Mutex<Option<String>>);

impl LastFault {
    fn get(&self) -> Option<String> {
        self.0.lock().clone()
    }

    fn set(&self, fault: Option<String>) {
        *self.0.lock() = fault;
    }
}

#[derive(Debug)]
struct SetUp {
    limits: Limits,
    last_fault: Arc<LastFault>,
}

impl CustomizeConnection<PgConnection, ConnectError> for SetUp {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), ConnectError> {
        if self.limits.in_each_transaction {
            // Another client of the pooler may get the session in which it was prepared.
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        } else {
            let set_up = self.limits.set_up(false, self.limits.statement);
            connection.batch_execute(&set_up).map_err(ConnectError::QueryError)?;
        }
        self.last_fault.set(None);
        Ok(())
    }
}

#[derive(Debug)]
struct RememberFault(Arc<LastFault>);

impl HandleError<ConnectError> for RememberFault {
    fn handle_error(&self, error: ConnectError) {
        let fault = match error {
            ConnectError::ConnectionError(error) => one_line(&error.to_string()),
            // The connection was dead when it was taken from the pool. r2d2 opens another, so this
            // is not a fault.
            ConnectError::QueryError(error) => {
                let reason = Unavailable::from(error).kind.code();
                log::debug!(reason; "Replacing a dead connection.");
                return;
            }
        };
        let fault = fault.unwrap_or_else(|| "no reason given".to_owned());
        log::debug!(reason = fault; "Cannot connect to the database.");
        self.0.set(Some(fault));
    }
}
