//! An SQS-compatible queue in one process: the JSON protocol of Amazon SQS over HTTP, standard
//! queues only, stored in SQLite or in memory. It accepts any credentials, region and signature.
//!
//! A client can rely on this:
//! - With a data directory, every change that was answered survives `kill -9`. Which messages are
//!   in flight does not: after a restart every message that was not deleted is visible. Receive
//!   counts survive a stop; a kill may lose those of the last second or two.
//! - If the disk is full, sends fail and everything else goes on, so that the queues can be drained.
//! - Limits and error codes are those of SQS. If the behaviour of an action differs, its doc
//!   comment says so.
//! - Messages come oldest first, although SQS promises no order.
//!
//! [`build`] binds the port and opens the data directory; [`Server::run`] serves until it is
//! stopped.

pub mod arguments;
mod settings;

mod action;
mod actions;
mod body;
mod error;
mod http;
mod response;

mod attributes;
mod broker;
mod journal;
mod queue;
mod queue_settings;
mod receipt;
mod record;
mod records;
mod state;

#[cfg(feature = "faults")]
pub mod faults;

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, web::Data};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
pub use crate::{
    journal::JournalError,
    settings::{DEFAULT_PORT, Settings},
};

/// Threads that parse and answer. Two keep two cores busy; the storage has two of its own.
const WORKERS: usize = 2;

/// How long a stop waits for answers that are being written. Long polls are answered immediately.
const SHUTDOWN_SECONDS: u64 = 5;

/// Idle connections are kept open longer than common clients keep theirs, so that a client never
/// uses a closed one.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// Why the server could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address is in use, does not belong to this machine, or is not allowed.
    #[error("cannot listen on {address}")]
    Bind {
        /// Host and port as configured.
        address: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why the server ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system did not let the server listen.
    #[error("cannot start the HTTP server")]
    Start(#[source] io::Error),
    /// The HTTP server failed while it was running.
    #[error("the HTTP server failed")]
    Serve(#[source] io::Error),
    /// A task of the server panicked.
    #[error("a task of the server panicked")]
    Panicked(#[from] JoinError),
}

/// A server that has bound its port and read its data, and does not answer yet.
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
/// If the port cannot be bound, or the data directory cannot be used or is in use by another
/// process.
pub fn build(settings: Settings) -> Result<Server, BuildError> {
    let address = format!("{}:{}", settings.bind_address, settings.port);
    let bind_error = |source| BuildError::Bind { address: address.clone(), source };
    let listener =
        TcpListener::bind((settings.bind_address.as_str(), settings.port)).map_err(bind_error)?;
    let port = listener.local_addr().map_err(bind_error)?.port();
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
    /// The bound port; useful if the settings say 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The fault rules of this server, for tests in the same process.
    #[cfg(feature = "faults")]
    pub fn faults(&self) -> faults::Faults {
        self.faults.clone()
    }

    /// Serves until `stop` is cancelled. Then it answers long polls, finishes the answers that are
    /// being written (within five seconds), and closes the files.
    ///
    /// # Errors
    /// If the server cannot start, or ends for another reason than `stop`.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
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
        let server = server.on_connect(faults::inject::keep_connection);
        let server = server
            .workers(WORKERS)
            .keep_alive(KEEP_ALIVE)
            // A poll ends when its client disconnects, so that it takes no message for a client
            // that is gone.
            .h1_allow_half_closed(false)
            .disable_signals()
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .listen(self.listener)
            .map_err(RunError::Start)?
            .run();
        log::info!(port = self.port; "Listening.");
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
        ended?.map_err(RunError::Serve)?;
        closed?;
        log::info!("Stopped.");
        Ok(())
    }
}
