//! The reader: answers requests for published relations over HTTP, page by page or as a stream.
//!
//! A request passes `authenticate`, which finds out who asks and signs the answer, and then its
//! route. The main one is `data`. A check that fails returns a `Refusal`, which is counted, logged
//! and answered in one place.

#![expect(missing_docs, reason = "public items of a service are for its main and its tests only")]

pub mod arguments;
pub mod settings;

mod health;
mod metrics;
mod routes;

mod access;
mod authenticate;
mod clients;
mod origin;
mod refresh;

mod refusal;

mod name_list;
mod named;
mod page_request;
mod parameters;
mod stream_request;

mod fair;

mod budget;
mod notes;
mod reads;
mod streams;
mod waiting;

mod data;
mod errors_page;
mod etag;
mod exports;
mod list;
mod openapi;
mod stream;
mod structure;
mod submissions;

use std::{sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::from_fn,
    web::{self, Bytes},
};
use anyhow::Context as _;
use credentials::CredentialsKey;
use service::{
    connections::{self, InFlight},
    in_chunks,
    must_live::must_live,
    open_files,
    status::{self, Facts},
    trace::{self, RecordAnswer},
};
use store::Store;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    access::Access,
    data::Pages,
    notes::Notes,
    reads::{Primary, Reads},
    settings::Settings,
    stream::Context,
    streams::Streams,
    waiting::Waiting,
};

/// What was read just before a stop is noted within this time.
const LAST_NOTES_WITHIN: Duration = Duration::from_secs(3);

/// The reader, listening but not yet serving.
pub struct Reader {
    port: u16,
    server: Server,
    metrics: Option<Server>,
    in_flight: InFlight,
    access: web::Data<Access>,
    primary: Store,
    credentials: Arc<CredentialsKey>,
    waiting: Waiting,
    notes: Notes,
    streams: Streams,
    stop_waiting: CancellationToken,
}

/// Wires the service together and listens. The databases need not be reachable yet.
///
/// # Errors
/// The settings of a database are wrong, or the reader cannot listen on its address.
pub async fn build(settings: Settings) -> anyhow::Result<Reader> {
    let metrics = service::metrics::start("reader", settings.metrics)?;
    metrics::describe();
    settings.warn();
    let primary = Store::new(&settings.database.primary).context("DATABASE_URL")?;
    let rows = Store::new(&settings.database.rows).context("READER_DATABASE_URL")?;
    let access = web::Data::new(Access::new(&settings.access, &settings.limits));
    let credentials = Arc::clone(&settings.access.credentials);
    let health = health::health(&rows, &access.directory);
    let stop_waiting = CancellationToken::new();
    let notes = Notes::default();
    let waiting = Waiting::new(stop_waiting.clone());
    let pages = web::Data::new(Pages::new(settings.pages, waiting.clone()));
    let database = &settings.database;
    let reads = Reads::new(rows, database.rows_turns, database.statement);
    let asked = Reads::new(primary.clone(), database.primary_turns, database.statement);
    let in_flight = InFlight::default();
    let stop = stop_waiting.clone();
    let streams = Streams::new(settings.streams.clone(), in_flight.clone(), stop);
    let context = web::Data::new(Context {
        streams: streams.clone(),
        primary: Primary(asked),
        reads,
        notes: notes.clone(),
    });

    let document =
        settings.docs.then(|| Bytes::from(openapi::document(&settings.access).to_string()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let limit = settings.limits.clone();
    let listen = settings.listen.clone();
    open_files::raise_limit(limit.connections);
    let (requests, served) = (in_flight.clone(), access.clone());
    let noted = web::Data::new(notes.clone());
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(requests.clone()))
            .app_data(web::Data::new(RecordAnswer(metrics::record_answer)))
            .app_data(web::Data::new(health.clone()))
            .app_data(web::Data::new(Facts::new()))
            .app_data(served.clone())
            .app_data(noted.clone())
            .app_data(pages.clone())
            .app_data(web::Data::new(context.reads.clone()))
            .app_data(web::Data::new(context.primary.clone()))
            .app_data(context.clone())
            .wrap(from_fn(trace::trace))
            .configure(service::health::routes)
            .configure(status::routes)
            .configure(|service| routes::all(service, document.as_ref()))
    })
    .h1_write_buffer_size(in_chunks::WRITE_BUFFER)
    .workers(workers)
    .max_connections(limit.connections.div_ceil(workers))
    .client_request_timeout(limit.header_time)
    .keep_alive(limit.keep_alive)
    // What a client that has gone has asked for is not read.
    .h1_allow_half_closed(false)
    .shutdown_timeout(settings.stop.grace.as_secs())
    .disable_signals();
    let address = format!("{}:{}", listen.bind_address, listen.port);
    let cannot_listen = || format!("cannot listen on {address}");
    for listener in connections::listen(&listen).with_context(cannot_listen)? {
        server = server.listen(listener).with_context(cannot_listen)?;
    }
    let port = server.addrs().first().map_or(listen.port, std::net::SocketAddr::port);
    log::info!(address = listen.bind_address, port; "Listening.");
    let server = server.run();
    Ok(Reader {
        port,
        server,
        metrics,
        in_flight,
        access,
        primary,
        credentials,
        waiting,
        notes,
        streams,
        stop_waiting,
    })
}

impl Reader {
    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves until `stop` is cancelled, then finishes the requests in flight. Requests that wait
    /// for a row are answered at once, and clients that do not take their answers are not waited for.
    ///
    /// # Errors
    /// The server failed.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let handle = self.server.handle();
        let (waiting, primary) = (self.waiting, self.primary.clone());
        let advancing =
            tokio::spawn(must_live(
                "watermark",
                async move { waiting.keep_advancing(primary).await },
            ));
        let stopping = tokio::spawn({
            let (stop, stop_waiting) = (stop.clone(), self.stop_waiting);
            async move {
                stop.cancelled().await;
                stop_waiting.cancel();
                handle.stop(true).await;
            }
        });
        let (notes, primary) = (self.notes.clone(), self.primary.clone());
        let noting =
            tokio::spawn(must_live("notes", async move { notes.keep_writing(primary).await }));
        let (access, primary, credentials) = (self.access, self.primary.clone(), self.credentials);
        let recognising = tokio::spawn(must_live("clients", async move {
            refresh::keep_reading(access, primary, credentials).await
        }));
        let counting = tokio::spawn(connections::count_open_files(metrics::record_open_files));
        let metrics = self.metrics.map(tokio::spawn);
        let outcome = tokio::select! {
            outcome = self.server => outcome,
            () = self.in_flight.only_answers_are_left(&stop) => {
                log::warn!("Closed connections whose clients did not take their answers.");
                Ok(())
            }
        };
        if timeout(LAST_NOTES_WITHIN, self.streams.ended()).await.is_err() {
            log::warn!("How the last exports ended could not be noted.");
        }
        stopping.abort();
        advancing.abort();
        recognising.abort();
        noting.abort();
        let written = timeout(LAST_NOTES_WITHIN, self.notes.write(self.primary)).await;
        if !matches!(written, Ok(Ok(()))) {
            log::warn!("What was read in the last seconds could not be noted.");
        }
        counting.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        log::info!("Stopped.");
        outcome.context("the HTTP server failed")
    }
}
