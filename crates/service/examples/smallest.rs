//! The smallest service: settings, logging, health, status and metrics pages, and a clean stop.
//!
//! The tests run it to see what every service gets from this crate.

use std::{process::ExitCode, time::Duration};

use actix_web::{App, HttpServer, web};
use anyhow::Context;
use service::{
    health::{self, Health},
    healthcheck, logging, metrics,
    run::run_to_completion,
    settings::{Environment, Faults, ListenSettings, LogSettings, MetricsSettings, StopSettings},
    status::{self, Facts},
    stop,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const DEFAULT_PORT: u16 = 8099;
/// Our lines are shown at any level, those of other targets only as warnings and errors.
const TARGET: &str = "service::smallest";

struct Settings {
    listen: ListenSettings,
    log: LogSettings,
    metrics: MetricsSettings,
    stop: StopSettings,
    dependency: String,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--healthcheck") {
        return healthcheck::ask(DEFAULT_PORT, "/healthcheck/ready/");
    }
    match read(Environment::of_process()) {
        Ok(settings) => {
            logging::start(&settings.log);
            run_to_completion(async {
                let stop = stop::on_signal()?;
                serve(settings, stop).await
            })
        }
        Err(faults) => {
            eprintln!("{faults}");
            ExitCode::FAILURE
        }
    }
}

fn read(mut environment: Environment) -> Result<Settings, Faults> {
    let settings = Settings {
        listen: ListenSettings::read(&mut environment, DEFAULT_PORT),
        log: LogSettings::read(&mut environment),
        metrics: MetricsSettings::read(&mut environment),
        stop: StopSettings::read(&mut environment),
        dependency: environment.text(
            "DEPENDENCY",
            "up",
            "`up`, `down` or `silent`",
            "How the service's only dependency behaves.",
        ),
    };
    environment.finish(settings)
}

async fn serve(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let metrics = metrics::start("smallest", settings.metrics)?.map(tokio::spawn);
    let health = Health::new(vec![("dependency".to_owned(), check(settings.dependency))]);
    let address = (settings.listen.bind_address, settings.listen.port);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(health.clone()))
            .app_data(web::Data::new(Facts::new()))
            .configure(health::routes)
            .configure(status::routes)
            .route("/slow", web::get().to(slow))
            .route("/log", web::get().to(log_lines))
            .route("/panic", web::get().to(panics))
    });
    let server = server.workers(1).shutdown_timeout(settings.stop.grace.as_secs());
    let server = server.disable_signals().bind(&address);
    let server = server.with_context(|| format!("cannot listen on {}:{}", address.0, address.1))?;
    let port = server.addrs().first().map_or(address.1, std::net::SocketAddr::port);
    log::info!(target: TARGET, port; "Listening.");
    let server = server.run();
    let handle = server.handle();
    let stopping = tokio::spawn(async move {
        stop.cancelled().await;
        handle.stop(true).await;
    });
    server.await?;
    stopping.abort();
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    log::info!(target: TARGET, "Stopped.");
    Ok(())
}

fn check(dependency: String) -> health::Check {
    Box::new(move || {
        log::info!(target: TARGET, "Asked the dependency.");
        let dependency = dependency.clone();
        Box::pin(async move {
            match dependency.as_str() {
                "up" => Ok(()),
                "silent" => std::future::pending().await,
                _ => Err("the dependency is down"),
            }
        })
    })
}

async fn slow() -> &'static str {
    log::info!(target: TARGET, "A slow request has begun.");
    sleep(Duration::from_secs(1)).await;
    "done"
}

async fn log_lines() -> &'static str {
    log::warn!(target: TARGET, queue = "a b", messages = 3; "A line.");
    log::debug!(target: TARGET, "A line of ours for debugging.");
    log::debug!(target: "some_library::http", "canary");
    log::warn!(target: "some_library::http", "A warning of a library.");
    "done"
}

#[expect(clippy::panic, reason = "the tests look at the log line")]
async fn panics() -> &'static str {
    panic!("canary")
}
