//! The worker: receives messages from SQS, decodes them, stores them in PostgreSQL and settles
//! them.
//!
//! Follow a message: `poll` receives it, `decode` reads it, `batcher` merges the messages of all
//! polls, `handle` stores them, `outcome` decides what happens to each, and `settle` does it. Each
//! form type has a `pipeline` of these. `keep` takes the messages that were set aside into
//! PostgreSQL, and `invalid` lists them and sends them back.

#![expect(missing_docs, reason = "a service: only its main and its tests use the public items")]

pub mod arguments;
pub mod settings;

mod pipeline;
mod prepare;

mod batcher;
mod caught;
mod decode;
mod erased;
mod handle;
mod outcome;
mod poll;
mod settle;

mod keep;

mod database_gate;
mod durability;
mod health;
mod in_flight;
mod insert_permits;
mod metrics;
mod relations;
mod room;
mod watermark;

pub mod invalid;

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::Server, web};
use anyhow::Context;
use domain::FormType;
use futures_util::future::join_all;
use queue::Connection;
use service::{
    health::Health,
    must_live::must_live,
    settings::StopSettings,
    status::{self, Facts},
};
use store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    database_gate::DatabaseGate,
    erased::Tombstones,
    in_flight::Ages,
    insert_permits::InsertPermits,
    keep::{Turns, keep_counting},
    pipeline::{Pipeline, Shared},
    room::Room,
    settings::Settings,
    watermark::{NewRows, keep_advancing},
};

/// How often the metrics of the messages in flight are updated.
const IN_FLIGHT_INTERVAL: Duration = Duration::from_secs(1);

/// A worker whose health page listens, and which has received nothing yet.
pub struct Worker {
    port: u16,
    health_page: Server,
    metrics: Option<Server>,
    settings: Settings,
    pipelines: Vec<Pipeline>,
    shared: Shared,
}

/// Builds the service. SQS and PostgreSQL need not be available yet.
///
/// # Errors
/// The database settings are wrong, or the address of the health page cannot be bound.
pub async fn build(settings: Settings) -> anyhow::Result<Worker> {
    let metrics = service::metrics::start("worker", settings.metrics)?;
    metrics::describe();
    queue::metrics::describe();
    settings.forms.log_replaced_schemas();
    let connection = Connection::from_environment(settings.sqs.region.clone()).await;
    let store = store(&settings)?;
    let gate = DatabaseGate::new(store.clone());
    let shared = Shared {
        tombstones: Tombstones::new(store.clone(), gate.clone()),
        gate,
        store,
        permits: InsertPermits::new(settings.work.connections),
        room: Room::new(settings.work.bytes_in_flight),
        ages: Ages::default(),
        new_rows: NewRows::default(),
        turns: Turns::default(),
    };
    let pipelines = settings.forms.iter().map(|form| {
        let finder = settings.sqs.finder(&connection, form.queues.clone());
        Pipeline::new(form, finder)
    });
    let pipelines: Vec<Pipeline> = pipelines.collect();

    let address = &settings.listen.bind_address;
    let listener = TcpListener::bind((address.as_str(), settings.listen.port))
        .with_context(|| format!("cannot listen on {address}:{}", settings.listen.port))?;
    let port = listener.local_addr().map(|address: SocketAddr| address.port())?;
    let mut facts = health::status_facts(&shared.store);
    facts.push(("created_queues", connection.created_queues().fact()));
    let standby = settings.database.require_sync_standby;
    let health_page = health_page(listener, &pipelines, &shared, standby, facts)?;
    log::info!(address, port; "Listening for the health page.");
    Ok(Worker { port, health_page, metrics, settings, pipelines, shared })
}

fn health_page(
    listener: TcpListener,
    pipelines: &[Pipeline],
    shared: &Shared,
    require_sync_standby: bool,
    facts: Facts,
) -> anyhow::Result<Server> {
    let queues = pipelines.iter().map(|pipeline| {
        (pipeline.form.check_name(), health::queue_check(&pipeline.status, &shared.gate))
    });
    let database = ("database".to_owned(), health::database_check(&shared.store, &shared.gate));
    let standby = require_sync_standby
        .then(|| ("sync_standby".to_owned(), durability::sync_standby_check(&shared.store)));
    let health = Health::new(queues.chain([database]).chain(standby).collect());
    let page = move || {
        App::new()
            .app_data(web::Data::new(health.clone()))
            .app_data(web::Data::new(facts.clone()))
            .configure(service::health::routes)
            .configure(status::routes)
    };
    let server = HttpServer::new(page).workers(1).shutdown_timeout(1).disable_signals();
    Ok(server.listen(listener)?.run())
}

/// Brings the schema and the published relations up to date.
///
/// # Errors
/// The settings are wrong, the database is unavailable, a migration fails, or a relation cannot be
/// published.
pub async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let store = store(settings)?;
    prepare::migrate(&store).await?;
    relations::publish(&store, form_types(settings)).await
}

fn form_types(settings: &Settings) -> Vec<FormType> {
    settings.forms.types().iter().cloned().collect()
}

/// Drops the index that only the 2016 worker needs, or makes it again.
///
/// # Errors
/// The settings are wrong, the database is unavailable, or it cannot be done now.
pub async fn finish_move(settings: &Settings, back: bool) -> anyhow::Result<()> {
    prepare::finish_move(&store(settings)?, back).await
}

fn store(settings: &Settings) -> anyhow::Result<Store> {
    Store::new(&settings.database.store).context("DATABASE_URL")
}

impl Worker {
    /// The port of the health page.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Works until `stop`. Then it receives nothing new, settles the messages it has begun to
    /// store, and releases the others.
    ///
    /// # Errors
    /// Some messages in flight could not be settled within the grace period; SQS will deliver them
    /// again.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let health_page = self.health_page.handle();
        let serving = tokio::spawn(self.health_page);
        let metrics = self.metrics.map(tokio::spawn);
        let (ages, room) = (self.shared.ages.clone(), self.shared.room.clone());
        let store = self.shared.store.clone();
        let watching = tokio::spawn(must_live("metrics of messages in flight", async move {
            loop {
                metrics::set_in_flight(&ages, &room);
                metrics::set_connections(&store);
                sleep(IN_FLIGHT_INTERVAL).await;
            }
        }));
        self.settings.warn();
        let Settings { sqs, work, stop: StopSettings { grace }, .. } = &self.settings;
        let schema = prepare::wait_for_schema(&self.shared.store, work.migrate_on_start);
        let outcome =
            match stop.run_until_cancelled(schema).await {
                None => Ok(()),
                Some(()) => {
                    metrics::set_database_up(true);
                    stop.run_until_cancelled(durability::warn(&self.shared.store)).await;
                    let shared = self.shared.clone();
                    let advancing = tokio::spawn(must_live("watermark", async move {
                        keep_advancing(&shared).await
                    }));
                    let tombstones = self.shared.tombstones.clone();
                    let checking = tokio::spawn(must_live("check of rights", async move {
                        tombstones.keep_checking().await
                    }));
                    let publishing = tokio::spawn(must_live(
                        "publication for readers",
                        relations::publish_in_time(
                            self.shared.store.clone(),
                            form_types(&self.settings),
                            work.migrate_on_start,
                        ),
                    ));
                    let counting = work.keeps_invalid.then(|| {
                        let (shared, forms) = (self.shared.clone(), &self.settings.forms);
                        let served = forms.iter().map(|form| form.form_type.name().to_owned());
                        let served = served.collect();
                        tokio::spawn(must_live("count of invalid messages", async move {
                            keep_counting(&shared, served).await
                        }))
                    });
                    let running = self
                        .pipelines
                        .iter()
                        .map(|pipeline| pipeline.run(&self.shared, sqs, work, *grace, &stop));
                    let outcome = join_all(running).await.into_iter().collect();
                    advancing.abort();
                    checking.abort();
                    publishing.abort();
                    if let Some(counting) = counting {
                        counting.abort();
                    }
                    outcome
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
