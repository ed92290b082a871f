//! Connections, kept and set up.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{
    ConnectionManager, CustomizeConnection, Error as ConnectError, HandleError, Pool as R2d2Pool,
    PooledConnection,
};
use diesel::{PgConnection, r2d2};
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use crate::connection_string::ConnectionString;
use crate::{StoreSettings, Unavailable, UnavailableKind, unavailable};

/// A connection on loan from the pool.
pub(crate) type Connection = PooledConnection<ConnectionManager<PgConnection>>;

/// The pool, and why it last failed to open a connection.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    connections: R2d2Pool<ConnectionManager<PgConnection>>,
    last_fault: Arc<LastFault>,
}

impl Pool {
    /// Connects to nothing yet: a database that is away at start is no error.
    pub(crate) fn new(settings: &StoreSettings, target: &ConnectionString, set_up: String) -> Self {
        let last_fault = Arc::new(LastFault::default());
        let connections = R2d2Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(0))
            .connection_timeout(settings.pool_wait)
            // One round trip per batch, so that connections which died with an earlier server are thrown away unused.
            .test_on_check_out(true)
            .connection_customizer(Box::new(SetUp {
                statements: set_up,
                last_fault: last_fault.clone(),
            }))
            .error_handler(Box::new(Remember(last_fault.clone())))
            .build_unchecked(ConnectionManager::new(target.as_secret().expose_secret()));
        Self { connections, last_fault }
    }

    /// A connection that has just answered `SELECT 1`.
    pub(crate) fn get(&self, wait: Duration) -> Result<Connection, Unavailable> {
        self.connections.get_timeout(wait).map_err(|_| match self.last_fault.get() {
            Some(fault) => Unavailable::because(UnavailableKind::ConnectionFailed, &fault),
            None => Unavailable::new(UnavailableKind::PoolTimeout),
        })
    }
}

/// r2d2 tells the reason to one of the waiting calls only; here all of them can read it until a connection is made.
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
    statements: String,
    last_fault: Arc<LastFault>,
}

impl CustomizeConnection<PgConnection, ConnectError> for SetUp {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), ConnectError> {
        connection.batch_execute(&self.statements).map_err(ConnectError::QueryError)?;
        self.last_fault.set(None);
        Ok(())
    }
}

#[derive(Debug)]
struct Remember(Arc<LastFault>);

impl HandleError<ConnectError> for Remember {
    fn handle_error(&self, error: ConnectError) {
        let fault = match error {
            r2d2::Error::ConnectionError(error) => unavailable::one_line(&error.to_string()),
            // A connection found dead when it was taken out: the next one is on its way, there is nothing to remember.
            r2d2::Error::QueryError(error) => {
                log::debug!(
                    "A connection is replaced reason={}",
                    Unavailable::from(error).kind.code()
                );
                return;
            }
        };
        let fault = fault.unwrap_or_else(|| "no reason given".to_owned());
        log::debug!("No connection to the database reason={fault:?}");
        self.0.set(Some(fault));
    }
}
