//! Prometheus metrics, on an address of their own: they are for operators, not for the clients of a service.

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, dev::Server};
use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::time::interval;

use crate::{page::page, process_memory::resident_bytes, settings::MetricsSettings, status::Build};

/// Upper bounds of histograms of durations, in seconds.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of histograms of ages, in seconds; they are long, because messages wait through an outage.
const AGES: [f64; 12] =
    [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 21_600.0, 86_400.0];
/// Upper bounds of histograms of counts.
const COUNTS: [f64; 13] =
    [1.0, 2.0, 3.0, 5.0, 8.0, 9.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
/// How often samples are put into their buckets. Until then, or until the page is requested, each is kept by itself.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A metric. Its declaration is the one place that names and explains it.
pub struct Metric {
    /// The name on the metrics page.
    pub name: &'static str,
    /// What kind of samples it takes.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// A sentence for operators: the page's `HELP` line and the reference page.
    pub description: &'static str,
}

/// What kind of samples a metric takes, as Prometheus names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts samples in buckets.
    Histogram,
}

/// Registers the `HELP` line of each metric.
pub fn describe(metrics: &[&Metric]) {
    for metric in metrics {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.description),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.description),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.description),
        }
    }
}

/// A table in Markdown for the reference page.
pub fn reference(metrics: &[&Metric]) -> String {
    let mut table = "| metric | kind | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for Metric { name, kind, labels, description } in metrics {
        let kind = format!("{kind:?}").to_lowercase();
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        table += &format!("| `{name}` | {kind} | {} | {description} |\n", labels.join(", "));
    }
    table
}

/// Which version of which service runs.
pub const BUILD_INFO: Metric = Metric {
    name: "form_data_build_info",
    kind: MetricKind::Gauge,
    labels: &["service", "version", "git_commit"],
    description: "Always 1; the labels say which version of which service runs.",
};

const RESIDENT_BYTES: Metric = Metric {
    name: "form_data_resident_bytes",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Memory of the process, as Linux counts it; absent on other systems.",
};

/// Every metric of this crate.
pub const ALL: &[&Metric] = &[&BUILD_INFO, &RESIDENT_BYTES];

/// Absent where the system does not tell.
fn record_memory() {
    if let Some(bytes) = resident_bytes() {
        metrics::gauge!(RESIDENT_BYTES.name).set(bytes as f64);
    }
}

/// Starts counting and listens on the address, if there is one. The returned server serves the page once it runs.
///
/// # Errors
/// Listening on the address fails.
pub fn start(service: &'static str, settings: MetricsSettings) -> Result<Option<Server>> {
    let Some(address) = settings.address else { return Ok(None) };
    let buckets = |builder: PrometheusBuilder, suffix: &str, bounds: &[f64]| {
        builder.set_buckets_for_metric(Matcher::Suffix(suffix.to_owned()), bounds)
    };
    let recorder = buckets(PrometheusBuilder::new(), "_seconds", &SECONDS)
        .and_then(|builder| buckets(builder, "_age_seconds", &AGES))
        .and_then(|builder| buckets(builder, "_messages", &COUNTS))
        .and_then(PrometheusBuilder::install_recorder);
    let recorder = recorder.context("cannot start counting")?;
    let Build { version, git_commit, .. } = Build::THIS;
    describe(ALL);
    metrics::gauge!(BUILD_INFO.name, "service" => service, "version" => version, "git_commit" => git_commit)
        .set(1);

    tokio::spawn({
        let recorder = recorder.clone();
        async move {
            let mut ticks = interval(UPKEEP_INTERVAL);
            loop {
                ticks.tick().await;
                recorder.run_upkeep();
            }
        }
    });
    let server = HttpServer::new(move || {
        let recorder = recorder.clone();
        let answer = move || {
            record_memory();
            let text = recorder.render();
            async move {
                HttpResponse::Ok()
                    .content_type("text/plain; version=0.0.4; charset=utf-8")
                    .body(text)
            }
        };
        App::new().service(page("/metrics", answer))
    });
    let server = server.workers(1).shutdown_timeout(1).disable_signals().bind(address);
    let server = server.with_context(|| format!("cannot listen on {address}"))?;
    for address in server.addrs() {
        log::info!(metrics_address:% = address; "Serving metrics.");
    }
    Ok(Some(server.run()))
}
