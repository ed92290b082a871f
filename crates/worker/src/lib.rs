//! The worker: receives, decodes, stores and settles.
//!
//! A message's life: `poll` receives it, `batches` merges what all polls brought, `handle` decodes and stores it,
//! `outcome` says what is to become of it, `settle` does that. What was set aside can be looked at and sent back: `invalid`.

#![expect(missing_docs, reason = "a service: what is public is so for its main and its tests")]

pub mod arguments;
pub mod settings;

mod form_line;
mod prepare;

mod batches;
mod handle;
mod outcome;
mod poll;
mod settle;

mod bytes_in_hand;
mod connections;
mod database_gate;
mod health;
mod metrics;

pub mod invalid;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::Server, web};
use futures_util::future::join_all;
use queue::Connection;
use service::{health::Health, settings::StopSettings, status};
use store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    bytes_in_hand::BytesInHand,
    connections::Connections,
    database_gate::DatabaseGate,
    form_line::{FormLine, Shared},
    settings::Settings,
};

/// How often the age of what is in hand is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The worker, its health page listening but nothing received yet.
pub struct Worker {
    port: u16,
    health_page: Server,
    metrics: Option<Server>,
    settings: Settings,
    lines: Vec<FormLine>,
    shared: Shared,
}

/// Wires the service together. Neither SQS nor PostgreSQL need be there yet.
///
/// # Errors
/// The settings of the database are wrong, or the address of the health page cannot be listened on.
pub async fn build(settings: Settings) -> anyhow::Result<Worker> {
    let metrics = service::metrics::start("worker", settings.metrics)?;
    metrics::describe();
    queue::metrics::describe();
    settings.forms.log_replaced_schemas();
    let connection = Connection::from_environment(settings.sqs.region.clone()).await;
    let store = store_of(&settings)?;
    let shared = Shared {
        gate: DatabaseGate::new(store.clone()),
        store,
        connections: Connections::new(settings.work.connections),
        bytes: BytesInHand::new(settings.work.bytes_in_flight),
    };
    let lines = settings.forms.iter().map(|form| {
        let finder = settings.sqs.finder(&connection, form.queues.clone());
        FormLine::new(form, finder)
    });
    let lines: Vec<FormLine> = lines.collect();

    let database = ("database".to_owned(), health::database(&shared.store, &shared.gate));
    let queues = lines.iter().map(|line| (line.form.check_name(), health::queue(&line.receiving)));
    let checks = queues.chain([database]).collect();
    let health = Health::new(checks);
    let address = (settings.listen.bind_address.as_str(), settings.listen.port);
    let listener = TcpListener::bind(address).map_err(|error| {
        let (host, port) = address;
        io::Error::new(error.kind(), format!("cannot listen on {host}:{port}: {error}"))
    })?;
    let port = listener.local_addr().map(|address: SocketAddr| address.port())?;
    let store = shared.store.clone();
    let page = move || {
        App::new()
            .app_data(web::Data::new(health.clone()))
            .app_data(web::Data::new(health::facts(&store)))
            .configure(service::health::routes)
            .configure(status::routes)
    };
    let health_page = HttpServer::new(page)
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run();
    log::info!(
        "Listening for the health page. address={} port={port}",
        settings.listen.bind_address
    );
    Ok(Worker { port, health_page, metrics, settings, lines, shared })
}

/// Brings the schema up to date and ends.
///
/// # Errors
/// The settings are wrong, the database is away, or a migration fails.
pub async fn migrate(settings: &Settings) -> io::Result<()> {
    prepare::migrate(&store_of(settings)?).await
}

fn store_of(settings: &Settings) -> io::Result<Store> {
    Store::new(&settings.database).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("DATABASE_URL: {error}"))
    })
}

impl Worker {
    /// The port of the health page.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Works until `stop`; then nothing new is received, what is in hand is stored and settled, and the rest released.
    ///
    /// # Errors
    /// Something in hand could not be settled within the grace period; it will be delivered again.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let health_page = self.health_page.handle();
        let serving = tokio::spawn(self.health_page);
        let metrics = self.metrics.map(tokio::spawn);
        let bytes = self.shared.bytes.clone();
        let watching = tokio::spawn(async move {
            loop {
                metrics::oldest_in_hand(bytes.oldest());
                sleep(LOOK_EVERY).await;
            }
        });
        self.settings.warn();
        let Settings { sqs, work, stop: StopSettings { grace }, .. } = &self.settings;
        let schema = prepare::schema(&self.shared.store, work.migrate_on_start);
        let outcome = match stop.run_until_cancelled(schema).await {
            None => Ok(()),
            Some(()) => {
                metrics::database_is_up(true);
                let lines =
                    self.lines.iter().map(|line| line.work(&self.shared, sqs, work, *grace, &stop));
                join_all(lines).await.into_iter().collect()
            }
        };
        health_page.stop(false).await;
        let _ = serving.await;
        watching.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        if outcome.is_ok() {
            log::info!("Stopped.");
        }
        outcome
    }
}
