//! The metrics of the worker.

pub mod invalid;

use std::time::{Duration, SystemTime};

use metrics::{Counter, counter, gauge, histogram};
use queue::{Cause, SqsError};
use service::metrics::{Metric, MetricKind};
use store::Store;

use crate::{in_flight::Ages, room::Room};

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
    description: "How long it took to insert the rows of a batch.",
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

const MESSAGES_IN_FLIGHT: Metric = Metric {
    name: "form_data_in_flight",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Messages in flight.",
};

const BYTES_IN_FLIGHT: Metric = Metric {
    name: "form_data_in_flight_bytes",
    kind: MetricKind::Gauge,
    labels: &["of"],
    description: "What is taken of `WORKER_BYTES_IN_HAND`: by the `messages` in memory, and by open `polls`, \
                  which reserve the most that they may bring.",
};

const DELIVERED_OFTEN: Metric = Metric {
    name: "form_data_delivered_often_total",
    kind: MetricKind::Counter,
    labels: &["form_type"],
    description: "Deliveries of messages that SQS had delivered 9 times or more before. \
                  After 20 it moves a message to the invalid queue.",
};

const ENTRIES: Metric = Metric {
    name: "form_data_entries_total",
    kind: MetricKind::Counter,
    labels: &["form_type", "operation", "outcome"],
    description: "Messages by the last result of settling them, each by itself: a call can succeed while some of its \
                  entries fail. `operation` is `delete`, `release` or `set_aside`; `outcome` is `ok`, `stale` \
                  (harmless), `unavailable`, `denied`, `missing_queue`, `too_long` or `refused`.",
};

const DATABASE_UP: Metric = Metric {
    name: "form_data_database_up",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "1 if the database answered or stored rows when last asked, else 0.",
};

const WATERMARK_AGE: Metric = Metric {
    name: "form_data_watermark_age_seconds",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "How long the watermark of `forms` has waited for a transaction that may still commit a row, \
                  or this worker could not advance it. Readers see no row above it. 0 if it waits for nothing.",
};

const UNPUBLISHED: Metric = Metric {
    name: "form_data_unpublished",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "How many schemas, views and indexes for readers this worker could not record, make or build when it \
                  last tried. It tries again until this is 0.",
};

const CONNECTIONS_IN_USE: Metric = Metric {
    name: "form_data_database_connections_in_use",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Connections of the pool that a call uses: inserts, the watermark, the probe, the health page, \
                  invalid messages.",
};

const CONNECTIONS_LIMIT: Metric = Metric {
    name: "form_data_database_connections_limit",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "Connections that the pool may open: `WORKER_CONNECTIONS`, one more, and with `WORKER_KEEPS_INVALID` \
                  another one.",
};

/// How a message is settled.
#[derive(Clone, Copy)]
pub enum Operation {
    Delete,
    Release,
    SetAside,
}

const ENTRY_OUTCOMES: [&str; 7] =
    ["ok", "stale", "unavailable", "denied", "missing_queue", "too_long", "refused"];

/// All metrics of the worker itself.
const ALL: &[&Metric] = &[
    &MESSAGES,
    &SET_ASIDE,
    &INSERT_SECONDS,
    &INSERT_MESSAGES,
    &STORED_AGE_SECONDS,
    &OLDEST_IN_FLIGHT,
    &MESSAGES_IN_FLIGHT,
    &BYTES_IN_FLIGHT,
    &DELIVERED_OFTEN,
    &ENTRIES,
    &DATABASE_UP,
    &WATERMARK_AGE,
    &UNPUBLISHED,
    &invalid::KEPT,
    &invalid::KEPT_REASONS,
    &invalid::WAITING,
    &invalid::KEEPS,
    &invalid::RECOGNISES_ERASED,
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
    for operation in [Operation::Delete, Operation::Release, Operation::SetAside] {
        for outcome in ENTRY_OUTCOMES {
            entries(form_type, operation, outcome).absolute(0);
        }
    }
    counter!(DELIVERED_OFTEN.name, "form_type" => form_type.to_owned()).absolute(0);
    queue::metrics::record_queue_up(form_type, false);
}

pub fn count_outcome(form_type: &str, outcome: &'static str, messages: usize) {
    if messages > 0 {
        counter!(MESSAGES.name, "form_type" => form_type.to_owned(), "outcome" => outcome)
            .increment(messages as u64);
    }
}

impl Operation {
    pub fn label(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Release => "release",
            Self::SetAside => "set_aside",
        }
    }
}

/// Counts how each message was settled. `None` means that SQS has confirmed it.
pub fn count_entries<'a>(
    form_type: &str,
    operation: Operation,
    failures: impl IntoIterator<Item = Option<&'a SqsError>>,
) {
    let mut confirmed = 0;
    for failure in failures {
        let outcome = match failure.map(SqsError::cause) {
            None => {
                confirmed += 1;
                continue;
            }
            Some(Cause::Unavailable) => "unavailable",
            Some(Cause::Denied) => "denied",
            Some(Cause::MissingQueue) => "missing_queue",
            Some(Cause::TooLong) => "too_long",
            Some(Cause::Refused) => "refused",
        };
        entries(form_type, operation, outcome).increment(1);
    }
    if confirmed > 0 {
        entries(form_type, operation, "ok").increment(confirmed);
    }
}

/// Counts deliveries that were no longer ours.
pub fn count_stale(form_type: &str, operation: Operation, messages: usize) {
    if messages > 0 {
        entries(form_type, operation, "stale").increment(messages as u64);
    }
}

fn entries(form_type: &str, operation: Operation, outcome: &'static str) -> Counter {
    let operation = operation.label();
    counter!(ENTRIES.name, "form_type" => form_type.to_owned(), "operation" => operation, "outcome" => outcome)
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

pub fn set_in_flight(ages: &Ages, room: &Room) {
    gauge!(OLDEST_IN_FLIGHT.name).set(ages.oldest());
    gauge!(MESSAGES_IN_FLIGHT.name).set(ages.messages() as f64);
    let (messages, taken) = (room.held(), room.taken());
    gauge!(BYTES_IN_FLIGHT.name, "of" => "messages").set(messages as f64);
    gauge!(BYTES_IN_FLIGHT.name, "of" => "polls").set(taken.saturating_sub(messages) as f64);
}

pub fn count_delivered_often(form_type: &str) {
    counter!(DELIVERED_OFTEN.name, "form_type" => form_type.to_owned()).increment(1);
}

pub fn set_connections(store: &Store) {
    gauge!(CONNECTIONS_IN_USE.name).set(store.connections_in_use());
    gauge!(CONNECTIONS_LIMIT.name).set(store.connections_limit());
}

pub fn set_watermark_age(age: Duration) {
    gauge!(WATERMARK_AGE.name).set(age);
}

pub fn set_unpublished(failures: usize) {
    gauge!(UNPUBLISHED.name).set(failures as f64);
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
