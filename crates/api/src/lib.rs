//! The intake: accepts a form over HTTP, checks its sender and its content, and answers 202 once
//! SQS has it.
//!
//! A request passes `authenticate`, which checks its signature and reads the body within its limits,
//! and then its route. The main one is `submit`. A check that fails returns a `Refusal`, which is counted, logged and
//! answered in one place.

#![expect(missing_docs, reason = "public items of a service are for its main and its tests only")]

pub mod arguments;
pub mod settings;

mod metrics;
mod routes;

mod authenticate;
mod body;
mod repeats;
mod sender;
mod sent_by;
mod signature;

mod refusal;

mod form_queue;
mod parser;
mod submission_id;
mod submit;

mod index;
mod openapi;
mod redirect;
mod schema;

use std::sync::Arc;

use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::from_fn,
    web::{self, Bytes},
};
use anyhow::Context;
use futures_util::future::join_all;
use queue::Connection;
use service::{
    connections::{self, InFlight},
    health::{self, Health},
    in_chunks,
    must_live::must_live,
    open_files,
    status::{self, Facts},
    trace::{self, RecordAnswer},
};
use tokio_util::sync::CancellationToken;

use crate::{body::BodyLimits, form_queue::FormQueue, parser::Parser, settings::Settings};

/// The intake, listening but not yet serving.
pub struct Api {
    port: u16,
    server: Server,
    metrics: Option<Server>,
    form_queues: Vec<Arc<FormQueue>>,
    in_flight: InFlight,
}

/// Wires the service together and listens. SQS need not be reachable yet.
///
/// # Errors
/// The api cannot listen on its address.
pub async fn build(settings: Settings) -> anyhow::Result<Api> {
    let metrics = service::metrics::start("api", settings.metrics)?;
    metrics::describe();
    queue::metrics::describe();
    settings.forms.log_replaced_schemas();
    settings.warn();
    let connection = Connection::from_environment(settings.sqs.region.clone()).await;
    let form_queues = settings.forms.iter().map(|form| {
        let finder = settings.sqs.finder(&connection, form.queues.clone());
        Arc::new(FormQueue::new(form, finder, settings.send))
    });
    let form_queues: Vec<Arc<FormQueue>> = form_queues.collect();
    let checks = form_queues.iter().map(|queue| (queue.form().check_name(), queue.check()));
    let health = Health::ready_if_any(checks.collect());
    let facts: Facts = vec![("created_queues", connection.created_queues().fact())];
    let limits = BodyLimits::new(&settings.limits);
    let parser = web::Data::new(Parser::new());
    let listen = settings.listen.clone();
    let address = format!("{}:{}", listen.bind_address, listen.port);

    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let limit = settings.limits.clone();
    let grace = settings.stop.grace.as_secs();
    let served = form_queues.clone();
    let document = settings.docs.then(|| {
        Bytes::from(openapi::document(settings.forms.types(), &settings.intake).to_string())
    });
    open_files::raise_limit(limit.connections);
    let in_flight = InFlight::default();
    let requests = in_flight.clone();
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(requests.clone()))
            .app_data(web::Data::new(RecordAnswer(metrics::record_answer)))
            .app_data(web::Data::new(health.clone()))
            .app_data(web::Data::new(facts.clone()))
            .app_data(web::Data::new(limits.clone()))
            .app_data(parser.clone())
            .app_data(web::Data::new(settings.intake.clone()))
            .app_data(web::PayloadConfig::new(settings.limits.body_bytes))
            .wrap(from_fn(trace::trace))
            .configure(health::routes)
            .configure(status::routes)
            .configure(|service| routes::all(service, &served, document.as_ref()))
    })
    .h1_write_buffer_size(in_chunks::WRITE_BUFFER)
    .workers(workers)
    .max_connections(limit.connections.div_ceil(workers))
    .client_request_timeout(limit.header_time)
    .keep_alive(limit.keep_alive)
    .shutdown_timeout(grace)
    .disable_signals();
    let cannot_listen = || format!("cannot listen on {address}");
    for listener in connections::listen(&listen).with_context(cannot_listen)? {
        server = server.listen(listener).with_context(cannot_listen)?;
    }
    let port = server.addrs().first().map_or(listen.port, std::net::SocketAddr::port);
    log::info!(address = listen.bind_address, port; "Listening.");
    Ok(Api { port, server: server.run(), metrics, form_queues, in_flight })
}

impl Api {
    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves until `stop` is cancelled, then finishes the requests in flight. Clients that do not
    /// take their answers are not waited for.
    ///
    /// # Errors
    /// The server failed.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let handle = self.server.handle();
        let finding = tokio::spawn({
            let (form_queues, stop) = (self.form_queues, stop.clone());
            must_live("queue finder", async move {
                stop.run_until_cancelled(join_all(
                    form_queues.iter().map(|queue| queue.stay_connected()),
                ))
                .await
            })
        });
        let stopping = tokio::spawn({
            let stop = stop.clone();
            async move {
                stop.cancelled().await;
                handle.stop(true).await;
            }
        });
        let counting = tokio::spawn(connections::count_open_files(metrics::record_open_files));
        let metrics = self.metrics.map(tokio::spawn);
        let outcome = tokio::select! {
            outcome = self.server => outcome,
            () = self.in_flight.only_answers_are_left(&stop) => {
                log::warn!("Closed connections whose clients did not take their answers.");
                Ok(())
            }
        };
        stopping.abort();
        finding.abort();
        counting.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        log::info!("Stopped.");
        outcome.context("the HTTP server failed")
    }
}
