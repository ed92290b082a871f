//! The worker: receives, decodes, stores and settles.
//!
//! A message's life: `poll` receives it, `batches` merges what all polls brought, `handle` decodes and stores it,
//! `outcome` says what is to become of it, `settle` does that.

#![expect(missing_docs, reason = "a service: what is public is so for its main and its tests")]

pub mod settings;

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

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{App, HttpServer, dev::Server, web};
use domain::FormType;
use process::health::{Health, routes};
use queue::{Connection, Poll, Provision, QueueNames};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    batches::Batches, bytes_in_hand::BytesInHand, connections::Connections, database_gate::DatabaseGate,
    handle::Handler, health::Receiving, poll::Pollers, settings::Settings,
};

/// The worker, its health page listening but nothing received yet.
pub struct Worker {
    port: u16,
    health_page: Server,
    settings: Settings,
    connection: Connection,
    store: Store,
    gate: DatabaseGate,
    receiving: Arc<Receiving>,
}

/// Wires the service together. Neither SQS nor PostgreSQL need be there yet.
///
/// # Errors
/// The settings of the database are wrong, or the address of the health page cannot be listened on.
pub async fn build(settings: Settings) -> io::Result<Worker> {
    let connection = Connection::from_environment(settings.sqs.region.clone()).await;
    let store = store_of(&settings)?;
    let gate = DatabaseGate::new(store.clone());
    let receiving = Arc::new(Receiving::default());

    let checks = vec![("queue", health::queue(&receiving)), ("database", health::database(&store, &gate))];
    let health = Health::new(checks);
    let address = (settings.listen.bind_address.as_str(), settings.listen.port);
    let listener = TcpListener::bind(address).map_err(|error| {
        let (host, port) = address;
        io::Error::new(error.kind(), format!("cannot listen on {host}:{port}: {error}"))
    })?;
    let port = listener.local_addr().map(|address: SocketAddr| address.port())?;
    let health_page = HttpServer::new(move || App::new().app_data(web::Data::new(health.clone())).configure(routes))
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run();
    log::info!("Listening for the health page. address={} port={port}", settings.listen.bind_address);
    Ok(Worker { port, health_page, settings, connection, store, gate, receiving })
}

/// Brings the schema up to date and ends.
///
/// # Errors
/// The settings are wrong, the database is away, or a migration fails.
pub async fn migrate(settings: &Settings) -> io::Result<()> {
    prepare::migrate(&store_of(settings)?).await
}

fn store_of(settings: &Settings) -> io::Result<Store> {
    Store::new(&settings.database)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("DATABASE_URL: {error}")))
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
        let Settings { sqs, work, .. } = &self.settings;
        let provision = Provision {
            connection: self.connection.clone(),
            names: QueueNames { form: sqs.form_queue.clone(), invalid: sqs.invalid_queue.clone() },
            create: sqs.create_queues,
        };
        self.settings.warn();
        let prepared = stop.run_until_cancelled(async {
            prepare::schema(&self.store, work.migrate_on_start).await;
            prepare::queues(&provision, &self.receiving).await
        });
        let outcome = match prepared.await {
            None => Ok(()),
            Some(pair) => {
                let gate = self.gate.clone();
                let handler = Handler::new(FormType::FORM, pair, provision.clone(), self.store.clone(), gate);
                let connections = Connections::new(work.connections);
                let pollers = Pollers {
                    handler: &handler,
                    provision: &provision,
                    poll: Poll {
                        wait_time: sqs.wait_time,
                        max_messages: sqs.max_messages,
                        visibility_timeout: sqs.visibility_timeout,
                    },
                    count: work.pollers,
                    receiving: &self.receiving,
                    bytes: BytesInHand::new(work.bytes_in_hand),
                    connections: connections.clone(),
                    stop: &stop,
                };
                let batches =
                    Batches { handler: handler.clone(), rows: work.batch_rows, connections, stop: stop.clone() };
                batches::work(batches, pollers, self.settings.stop.grace).await
            }
        };
        health_page.stop(false).await;
        let _ = serving.await;
        if outcome.is_ok() {
            log::info!("Stopped.");
        }
        outcome
    }
}
