//! The intake: takes a form over HTTP, checks who sent it and what it is, and answers 202 once SQS has it.
//!
//! A request passes `authenticate` (which reads the body within its limits), then its route; `submit` is the main one.

#![expect(missing_docs, reason = "a service: what is public is so for its main and its tests")]

pub mod settings;

mod metrics;
mod routes;
mod trace;

mod authenticate;
mod body;
mod sent_by;
mod signature;

mod form_queue;
mod submission_id;
mod submit;

mod answers;
mod docs;
mod index;
mod openapi;
mod redirect;
mod schema;

use std::{io, sync::Arc};

use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::from_fn,
    web::{self, Bytes},
};
use futures_util::future::join_all;
use queue::Connection;
use service::{
    health::{self, Health},
    open_files,
    status::{self, Facts},
};
use tokio_util::sync::CancellationToken;

use crate::{body::BodyLimits, form_queue::FormQueue, settings::Settings};

/// The intake, listening but not yet serving.
pub struct Api {
    port: u16,
    server: Server,
    metrics: Option<Server>,
    form_queues: Vec<Arc<FormQueue>>,
}

/// Wires the service together. It listens from here on; SQS need not be there yet.
///
/// # Errors
/// The address cannot be listened on.
pub async fn build(settings: Settings) -> anyhow::Result<Api> {
    let metrics = service::metrics::start("api", settings.metrics)?;
    metrics::describe();
    queue::metrics::describe();
    settings.forms.log_replaced_schemas();
    let connection = Connection::from_environment(settings.sqs.region.clone()).await;
    let form_queues = settings.forms.iter().map(|form| {
        let finder = settings.sqs.finder(&connection, form.queues.clone());
        Arc::new(FormQueue::new(form, finder, settings.send))
    });
    let form_queues: Vec<Arc<FormQueue>> = form_queues.collect();
    let checks = form_queues.iter().map(|queue| (queue.form().check_name(), queue.check()));
    let health = Health::new(checks.collect());
    let limits = BodyLimits::new(&settings.limits);
    let listen = settings.listen.clone();
    let address = format!("{}:{}", listen.bind_address, listen.port);

    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let limit = settings.limits.clone();
    let grace = settings.stop.grace.as_secs();
    let served = form_queues.clone();
    let document =
        Bytes::from(openapi::document(settings.forms.types(), &settings.intake).to_string());
    open_files::raise_limit(limit.connections);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(health.clone()))
            .app_data(web::Data::new(Facts::new()))
            .app_data(web::Data::new(limits.clone()))
            .app_data(web::Data::new(settings.intake.clone()))
            .app_data(web::PayloadConfig::new(settings.limits.body_bytes))
            .wrap(from_fn(trace::trace))
            .configure(health::routes)
            .configure(status::routes)
            .configure(|service| routes::all(service, &served, &document))
    })
    .workers(workers)
    .max_connections(limit.connections.div_ceil(workers))
    .client_request_timeout(limit.header_time)
    .keep_alive(limit.keep_alive)
    .shutdown_timeout(grace)
    .disable_signals()
    .bind(&address)
    .map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })?;
    let port = server.addrs().first().map_or(listen.port, std::net::SocketAddr::port);
    log::info!("Listening. address={} port={port}", listen.bind_address);
    Ok(Api { port, server: server.run(), metrics, form_queues })
}

impl Api {
    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves until `stop`, then answers what is in flight.
    ///
    /// # Errors
    /// The server ended by itself.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let handle = self.server.handle();
        let finding = tokio::spawn({
            let (form_queues, stop) = (self.form_queues, stop.clone());
            async move {
                stop.run_until_cancelled(join_all(form_queues.iter().map(|queue| queue.keep())))
                    .await
            }
        });
        let stopping = tokio::spawn(async move {
            stop.cancelled().await;
            handle.stop(true).await;
        });
        let metrics = self.metrics.map(tokio::spawn);
        let outcome = self.server.await;
        stopping.abort();
        finding.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        log::info!("Stopped.");
        outcome
    }
}
