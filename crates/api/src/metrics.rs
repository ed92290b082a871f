//! The metrics of the intake.

use std::time::Duration;

use metrics::{Gauge, counter, gauge, histogram};
use service::metrics::{Metric, MetricKind};

use crate::refusal;

const REQUEST_SECONDS: Metric = Metric {
    name: "form_data_request_seconds",
    kind: MetricKind::Histogram,
    labels: &["route", "method", "status"],
    description: "How long the api took to answer requests, from the end of their head.",
};
const REFUSALS: Metric = Metric {
    name: "form_data_refusals_total",
    kind: MetricKind::Counter,
    labels: &["reason"],
    description: "Refused requests, by reason.",
};
const BODY_BYTES: Metric = Metric {
    name: "form_data_body_bytes_in_flight",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Bytes of all bodies that are being received or sent to SQS; \
                  `BODIES_IN_FLIGHT_BYTES` is their limit.",
};
const OPEN_FILES: Metric = Metric {
    name: "form_data_open_files",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Open files of the api, counted every 5 s: one for each connection, of which \
                  `MAX_CONNECTIONS` is the limit, and some dozens of its own.",
};

/// Every metric that only the api has.
pub const ALL: &[&Metric] = &[&REQUEST_SECONDS, &REFUSALS, &BODY_BYTES, &OPEN_FILES];

/// Describes the metrics, and starts some counters of refusals at 0.
pub fn describe() {
    service::metrics::describe(ALL);
    // `increase` misses a counter's first event, so these start at 0.
    for reason in refusal::reasons().into_iter().filter(|reason| reason.starts_at_zero) {
        counter!(REFUSALS.name, "reason" => reason.code).absolute(0);
    }
}

/// `route` is a pattern, such as `/form/`.
pub fn record_answer(route: String, method: &'static str, status: u16, took: Duration) {
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    histogram!(REQUEST_SECONDS.name, &labels).record(took);
}

pub fn body_bytes_gauge() -> Gauge {
    gauge!(BODY_BYTES.name)
}

pub fn record_open_files(count: usize) {
    gauge!(OPEN_FILES.name).set(u32::try_from(count).unwrap_or(u32::MAX));
}

pub fn count_refusal(code: &'static str) {
    counter!(REFUSALS.name, "reason" => code).increment(1);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_lists_every_metric_of_the_api() {
        test_kit::reference::check("metrics.md", "api", &service::metrics::reference(super::ALL));
    }
}
