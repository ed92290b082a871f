//! The queue server as a process.

use std::process::exit;

use anyhow::Context as _;
use local_sqs::Settings;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

fn main() -> anyhow::Result<()> {
    let settings = Settings::from_vars(std::env::vars())?;
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info,actix_server=warn")).init();
    let server = local_sqs::build(settings)?;
    run(server)
}

#[tokio::main]
async fn run(server: local_sqs::Server) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::spawn(stop_on_signal(terminate, interrupt, stop.clone()));
    server.run(stop).await.context("the server failed")
}

/// The first signal stops the server; the second ends the process at once.
async fn stop_on_signal(mut terminate: Signal, mut interrupt: Signal, stop: CancellationToken) {
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if stop.is_cancelled() {
            log::warn!("a second signal, exiting at once");
            exit(130);
        }
        stop.cancel();
    }
}
