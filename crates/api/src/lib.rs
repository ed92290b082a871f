//! The intake: takes a form over HTTP, checks who sent it and what it is, and answers 202 once SQS has it.
//!
//! A request passes `authenticate` (which reads the body within its limits), then its route; `submit` is the main one.

#![expect(missing_docs, reason = "a service: what is public is so for its main and its tests")]

pub mod settings;

mod routes;

mod authenticate;
mod body;
mod signature;

mod form_queue;
mod submit;

mod answers;
mod index;
mod redirect;

use std::{io, sync::Arc};

use actix_web::{App, HttpServer, dev::Server, web};
use process::health::{self, Health};
use queue::Connection;
use tokio_util::sync::CancellationToken;

use crate::{body::BodyLimits, form_queue::FormQueue, settings::Settings};

/// The intake, listening but not yet serving.
pub struct Api {
    port: u16,
    server: Server,
    form_queue: Arc<FormQueue>,
}

/// Wires the service together. It listens from here on; SQS need not be there yet.
///
/// # Errors
/// The address cannot be listened on.
pub async fn build(settings: Settings) -> io::Result<Api> {
    let connection = Connection::from_environment(settings.sqs.region.clone()).await;
    let form_queue = Arc::new(FormQueue::new(connection, &settings.sqs, settings.send));
    let health = Health::new(vec![("queue", FormQueue::check(&form_queue))]);
    let limits = BodyLimits::new(&settings.limits);
    let listen = settings.listen.clone();
    let address = format!("{}:{}", listen.bind_address, listen.port);

    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let limit = settings.limits.clone();
    let grace = settings.stop.grace.as_secs();
    let app_queue = Arc::clone(&form_queue);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(health.clone()))
            .app_data(web::Data::new(limits.clone()))
            .app_data(web::Data::new(settings.intake.clone()))
            .app_data(web::Data::from(Arc::clone(&app_queue)))
            .app_data(web::PayloadConfig::new(settings.limits.body_bytes))
            .configure(health::routes)
            .configure(routes::all)
    })
    .workers(workers)
    .max_connections(limit.connections.div_ceil(workers))
    .client_request_timeout(limit.header_time)
    .keep_alive(limit.keep_alive)
    .shutdown_timeout(grace)
    .disable_signals()
    .bind(&address)
    .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
    let port = server.addrs().first().map_or(listen.port, std::net::SocketAddr::port);
    log::info!("Listening. address={} port={port}", listen.bind_address);
    Ok(Api { port, server: server.run(), form_queue })
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
            let (form_queue, stop) = (Arc::clone(&self.form_queue), stop.clone());
            async move { stop.run_until_cancelled(form_queue.find()).await }
        });
        let stopping = tokio::spawn(async move {
            stop.cancelled().await;
            handle.stop(true).await;
        });
        let outcome = self.server.await;
        stopping.abort();
        finding.abort();
        log::info!("Stopped.");
        outcome
    }
}
