//! The metrics of the reader.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use service::metrics::{Metric, MetricKind};

use crate::refusal;

const REQUEST_SECONDS: Metric = Metric {
    name: "form_data_request_seconds",
    kind: MetricKind::Histogram,
    labels: &["route", "method", "status"],
    description: "How long the reader took to answer requests, from the end of their head.",
};
const REFUSALS: Metric = Metric {
    name: "form_data_refusals_total",
    kind: MetricKind::Counter,
    labels: &["reason"],
    description: "Refused requests, by reason.",
};
const AUTHENTICATION_FAILURES: Metric = Metric {
    name: "form_data_reader_not_recognised_total",
    kind: MetricKind::Counter,
    labels: &["cause"],
    description: "Requests that got 401, by the cause that the client does not learn.",
};
const PAGE_BYTES: Metric = Metric {
    name: "form_data_reader_page_bytes_in_flight",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Bytes of all pages that are being read or sent; `READER_BYTES_IN_FLIGHT` is their limit.",
};
const ROWS: Metric = Metric {
    name: "form_data_reader_rows_total",
    kind: MetricKind::Counter,
    labels: &[],
    description: "Rows on pages and in exports.",
};
const STREAMS: Metric = Metric {
    name: "form_data_reader_streams",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Exports that are being sent; `READER_STREAMS` is their limit.",
};
const STREAMS_ENDED: Metric = Metric {
    name: "form_data_reader_streams_ended_total",
    kind: MetricKind::Counter,
    labels: &["outcome"],
    description: "Exports that have ended: `complete`, or `broken`, also by their client.",
};
const WAITING: Metric = Metric {
    name: "form_data_reader_waiting_requests",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Requests that wait for a new row.",
};
const NOTES: Metric = Metric {
    name: "form_data_reader_notes_waiting",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Entries of the audit that wait for the primary; at 10,000 nothing is read any more.",
};
const OPEN_FILES: Metric = Metric {
    name: "form_data_open_files",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Open files of the reader, counted every 5 s: one for each connection, of which \
                  `MAX_CONNECTIONS` is the limit, and some dozens of its own.",
};

/// Every metric that only the reader has.
pub const ALL: &[&Metric] = &[
    &REQUEST_SECONDS,
    &REFUSALS,
    &AUTHENTICATION_FAILURES,
    &PAGE_BYTES,
    &ROWS,
    &STREAMS,
    &STREAMS_ENDED,
    &WAITING,
    &NOTES,
    &OPEN_FILES,
];

/// Describes the metrics, and starts the counters of refusals at 0.
pub fn describe() {
    service::metrics::describe(ALL);
    // `increase` misses a counter's first event, so these start at 0.
    for reason in refusal::ALL {
        counter!(REFUSALS.name, "reason" => reason.code).absolute(0);
    }
}

/// `route` is a pattern, such as `/api/v1/relations`.
pub fn record_answer(route: String, method: &'static str, status: u16, took: Duration) {
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    histogram!(REQUEST_SECONDS.name, &labels).record(took);
}

pub fn count_refusal(code: &'static str) {
    counter!(REFUSALS.name, "reason" => code).increment(1);
}

pub fn count_not_recognised(cause: &'static str) {
    counter!(AUTHENTICATION_FAILURES.name, "cause" => cause).increment(1);
}

pub fn count_rows(rows: u64) {
    counter!(ROWS.name).increment(rows);
}

pub fn set_page_bytes(bytes: usize) {
    gauge!(PAGE_BYTES.name).set(bytes as f64);
}

pub fn set_streams(streams: usize) {
    gauge!(STREAMS.name).set(streams as f64);
}

pub fn count_stream(outcome: &'static str) {
    counter!(STREAMS_ENDED.name, "outcome" => outcome).increment(1);
}

pub fn set_waiting(requests: usize) {
    gauge!(WAITING.name).set(requests as f64);
}

pub fn set_notes_waiting(entries: usize) {
    gauge!(NOTES.name).set(entries as f64);
}

pub fn record_open_files(count: usize) {
    gauge!(OPEN_FILES.name).set(u32::try_from(count).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_lists_every_metric_of_the_reader() {
        test_kit::reference::check(
            "metrics.md",
            "reader",
            &service::metrics::reference(super::ALL),
        );
    }
}
