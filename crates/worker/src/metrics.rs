//! The metrics of the worker.

use std::time::{Duration, SystemTime};

use metrics::{counter, gauge, histogram};
use service::metrics::{Metric, MetricKind};
use store::Store;

const MESSAGES: Metric = Metric {
    name: "form_data_messages_total",
    kind: MetricKind::Counter,
    labels: &["form_type", "outcome"],
    description: "Messages by outcome: `stored`, `already_stored`, `set_aside` or `released`.",
};

const SET_ASIDE: Metric = Metric {
    name: "form_data_set_aside_total",
    kind: MetricKind::Counter,
    labels: &["form_type", "reason"],
    description: "Messages that the worker moved to the invalid queue, by reason.",
};

const INSERT_SECONDS: Metric = Metric {
    name: "form_data_insert_seconds",
    kind: MetricKind::Histogram,
    labels: &[],
    description: "How long it took to decode a batch and insert its rows.",
};

const INSERT_MESSAGES: Metric = Metric {
    name: "form_data_insert_messages",
    kind: MetricKind::Histogram,
    labels: &[],
    description: "Messages per batch.",
};

const STORED_AGE_SECONDS: Metric = Metric {
    name: "form_data_stored_age_seconds",
    kind: MetricKind::Histogram,
    labels: &["form_type"],
    description: "Time between the api's receipt of a form and its insert.",
};

const OLDEST_IN_FLIGHT: Metric = Metric {
    name: "form_data_oldest_in_hand_seconds",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Age of the oldest message in flight: received, and neither deleted nor released yet. \
                  0 if there is none.",
};

const DATABASE_UP: Metric = Metric {
    name: "form_data_database_up",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "1 if the database answered or stored rows when last asked, else 0.",
};

const CONNECTIONS_IN_USE: Metric = Metric {
    name: "form_data_database_connections_in_use",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Connections of the pool that a call uses: inserts, the probe, the health page.",
};

const CONNECTIONS_LIMIT: Metric = Metric {
    name: "form_data_database_connections_limit",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Connections that the pool may open: `WORKER_CONNECTIONS` and one more.",
};

/// All metrics of the worker itself.
const ALL: &[&Metric] = &[
    &MESSAGES,
    &SET_ASIDE,
    &INSERT_SECONDS,
    &INSERT_MESSAGES,
    &STORED_AGE_SECONDS,
    &OLDEST_IN_FLIGHT,
    &DATABASE_UP,
    &CONNECTIONS_IN_USE,
    &CONNECTIONS_LIMIT,
];

/// Registers the descriptions, and shows the database as down until it answers: otherwise nobody
/// would notice a worker whose database has been unavailable since the start.
pub fn describe() {
    service::metrics::describe(ALL);
    set_database_up(false);
}

/// Creates the counters of a form type with the value 0. Prometheus's `increase` would miss the
/// first event of a counter that appears with it.
pub fn start_at_zero(form_type: &str) {
    for outcome in ["stored", "already_stored", "set_aside", "released"] {
        counter!(MESSAGES.name, "form_type" => form_type.to_owned(), "outcome" => outcome)
            .absolute(0);
    }
    queue::metrics::record_queue_up(form_type, false);
}

pub fn count_outcome(form_type: &str, outcome: &'static str, messages: usize) {
    if messages > 0 {
        counter!(MESSAGES.name, "form_type" => form_type.to_owned(), "outcome" => outcome)
            .increment(messages as u64);
    }
}

/// Counts a message that is on the invalid queue. The first word of `reason` is a code, and the
/// label.
pub fn count_set_aside(form_type: &str, reason: &str) {
    let code = reason.split(' ').next().unwrap_or_default().to_owned();
    counter!(SET_ASIDE.name, "form_type" => form_type.to_owned(), "reason" => code).increment(1);
    count_outcome(form_type, "set_aside", 1);
}

/// Records a batch, whether or not it could be stored.
pub fn record_insert(messages: usize, duration: Duration) {
    histogram!(INSERT_SECONDS.name).record(duration);
    histogram!(INSERT_MESSAGES.name).record(messages as f64);
}

/// Records a form that was stored now and that the api received at `received_at`.
pub fn record_stored_age(form_type: &str, received_at: SystemTime) {
    // The clocks of two machines differ a little, so the age can be negative. It then counts as 0.
    let age = received_at.elapsed().unwrap_or_default();
    histogram!(STORED_AGE_SECONDS.name, "form_type" => form_type.to_owned()).record(age);
}

pub fn set_oldest_in_flight(age: Duration) {
    gauge!(OLDEST_IN_FLIGHT.name).set(age);
}

pub fn set_connections(store: &Store) {
    gauge!(CONNECTIONS_IN_USE.name).set(store.connections_in_use());
    gauge!(CONNECTIONS_LIMIT.name).set(store.connections_limit());
}

pub fn set_database_up(is_up: bool) {
    gauge!(DATABASE_UP.name).set(u8::from(is_up));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_lists_every_metric_of_the_worker() {
        let table = service::metrics::reference(super::ALL);
        test_kit::reference::check("metrics.md", "worker", &table);
    }
}
