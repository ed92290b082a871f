//! An SQS-compatible queue in one process: the JSON protocol of Amazon SQS over HTTP, standard queues only, kept in
//! SQLite or in memory. Any credentials, region and signature are accepted.
//!
//! What a client may rely on:
//! - what was answered outlives `kill -9` when there is a data directory; who has received what does not, so that after
//!   a restart every message that was not deleted is visible;
//! - limits and error codes are those of SQS; where behaviour differs, the doc comment of the action says so;
//! - messages come oldest first, though SQS promises no order.
//!
//! [`build`] binds the port and opens the data directory; [`Server::run`] serves until it is told to stop.

mod action;
mod actions;
mod attributes;
mod broker;
mod error;
#[cfg(feature = "faults")]
pub mod faults;
mod http;
mod journal;
mod queue;
mod queue_settings;
mod receipt;
mod record;
mod records;
mod settings;
mod state;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
pub use crate::journal::JournalError;
pub use crate::settings::{DEFAULT_PORT, Settings};

/// Threads that parse and answer. Two keep two cores busy; the storage has its own two.
const WORKERS: usize = 2;

/// How long a stop waits for answers that are being written; long polls are answered at once.
const SHUTDOWN_SECONDS: u64 = 5;

/// Idle connections are kept for longer than common clients keep theirs, so that a client never meets a closed one.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// Why the server could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address is taken, not of this machine, or not allowed.
    #[error("cannot listen on {address}")]
    Bind {
        /// Host and port as configured.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A server that is bound and has read its data, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    port: u16,
    broker: Arc<Broker>,
    #[cfg(feature = "faults")]
    faults: faults::Faults,
}

/// Binds the port, then opens the data directory.
///
/// # Errors
/// Where the port cannot be bound, or the data directory cannot be used or is used by another process.
pub fn build(settings: Settings) -> Result<Server, BuildError> {
    let address = format!("{}:{}", settings.bind_address, settings.port);
    let failed = |source| BuildError::Bind { address: address.clone(), source };
    let listener =
        TcpListener::bind((settings.bind_address.as_str(), settings.port)).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let broker = match &settings.data_dir {
        Some(directory) => Broker::on_disk(directory)?,
        None => Broker::in_memory(),
    };
    Ok(Server {
        listener,
        port,
        broker,
        #[cfg(feature = "faults")]
        faults: faults::Faults::default(),
    })
}

impl Server {
    /// The port that is bound; useful where the settings said 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The fault hooks of this server, for tests in the same process.
    #[cfg(feature = "faults")]
    pub fn faults(&self) -> faults::Faults {
        self.faults.clone()
    }

    /// Serves until `stop` is cancelled. Then long polls are answered, what is being answered is finished (within five
    /// seconds), and the files are closed.
    ///
    /// # Errors
    /// Where the system refuses what a server needs.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let broker = Data::from(Arc::clone(&self.broker));
        #[cfg(feature = "faults")]
        let faults = Data::new(self.faults);
        let server = HttpServer::new(move || {
            let app = App::new().app_data(broker.clone()).configure(http::routes);
            #[cfg(feature = "faults")]
            let app = app.app_data(faults.clone()).configure(faults::routes);
            app
        });
        #[cfg(feature = "faults")]
        let server = server.on_connect(faults::keep_connection);
        let server = server
            .workers(WORKERS)
            .keep_alive(KEEP_ALIVE)
            // A poll ends with its client, so that it takes no message that nobody gets.
            .h1_allow_half_closed(false)
            .disable_signals()
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .listen(self.listener)?
            .run();
        log::info!("Listening. port={}", self.port);
        let (handle, closing) = (server.handle(), self.broker.closing.clone());
        let mut serving = tokio::spawn(server);
        let ended = tokio::select! {
            ended = &mut serving => ended,
            () = stop.cancelled() => {
                log::info!("Stopping.");
                closing.cancel();
                handle.stop(true).await;
                serving.await
            }
        };
        let broker = self.broker;
        let closed = tokio::task::spawn_blocking(move || broker.journal.close()).await;
        ended.map_err(io::Error::other)??;
        closed.map_err(io::Error::other)?;
        log::info!("Stopped.");
        Ok(())
    }
}
