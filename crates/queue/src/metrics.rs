//! Metrics of the queues and of the calls to SQS.

use std::time::Instant;

use metrics::{Gauge, counter, gauge, histogram};
use service::metrics::{Metric, MetricKind};

use crate::error::{Cause, SqsError};

const QUEUE_UP: Metric = Metric {
    name: "form_data_queue_up",
    kind: MetricKind::Gauge,
    labels: &["form_type"],
    description: "1 if the last call to the queue of this form type succeeded, else 0.",
};

const CALL_SECONDS: Metric = Metric {
    name: "form_data_sqs_call_seconds",
    kind: MetricKind::Histogram,
    labels: &["operation", "outcome"],
    description: "Duration of calls to SQS including their retries, by how they ended.",
};

const CALL_MESSAGES: Metric = Metric {
    name: "form_data_sqs_call_messages",
    kind: MetricKind::Histogram,
    labels: &["operation"],
    description: "Number of messages in a call to SQS.",
};

const CALLS_IN_FLIGHT: Metric = Metric {
    name: "form_data_sqs_calls_under_way",
    kind: MetricKind::Gauge,
    labels: &["operation"],
    description: "Calls to SQS that are not answered yet.",
};

const RETENTION: Metric = Metric {
    name: "form_data_queue_retention_seconds",
    kind: MetricKind::Gauge,
    labels: &["queue"],
    description: "How long SQS keeps a message on the queue of this name, as it was when last looked at.",
};

const WAITING: Metric = Metric {
    name: "form_data_sends_waiting",
    kind: MetricKind::Gauge,
    labels: &["queue"],
    description: "Messages that wait to be put into a call to the queue of this name.",
};

const CREATED: Metric = Metric {
    name: "form_data_queues_created_total",
    kind: MetricKind::Counter,
    labels: &[],
    description: "Queues that were missing and that this process has created.",
};

/// Every metric of this crate.
pub const ALL: &[&Metric] =
    &[&QUEUE_UP, &CALL_SECONDS, &CALL_MESSAGES, &CALLS_IN_FLIGHT, &RETENTION, &WAITING, &CREATED];

/// Registers the descriptions, and starts the counters at 0.
pub fn describe() {
    service::metrics::describe(ALL);
    // `increase` misses a counter's first event, so this one starts at 0.
    counter!(CREATED.name).absolute(0);
}

/// Records whether the last call to the queue of a form type succeeded.
pub fn record_queue_up(form_type: &str, is_up: bool) {
    gauge!(QUEUE_UP.name, "form_type" => form_type.to_owned()).set(u8::from(is_up));
}

/// The gauge of the messages that wait to be sent to a queue.
pub(crate) fn sends_waiting(queue: &str) -> Gauge {
    gauge!(WAITING.name, "queue" => queue.to_owned())
}

/// Counts a queue that this process has created.
pub(crate) fn count_created_queue() {
    counter!(CREATED.name).increment(1);
}

/// Records how long SQS keeps the messages of a queue.
pub(crate) fn set_retention(queue: &str, seconds: u64) {
    gauge!(RETENTION.name, "queue" => queue.to_owned()).set(seconds as f64);
}

/// Makes a call with this number of messages, and records how it went.
pub(crate) async fn count_call<T>(
    operation: &'static str,
    messages: usize,
    call: impl Future<Output = Result<T, SqsError>>,
) -> Result<T, SqsError> {
    let in_flight = CallInFlight::begin(operation);
    let started = Instant::now();
    let answer = call.await;
    let outcome = match answer.as_ref().err().map(SqsError::cause) {
        None => "ok",
        Some(Cause::Unavailable) => "unavailable",
        Some(Cause::Denied) => "denied",
        Some(Cause::MissingQueue) => "missing_queue",
        Some(Cause::TooLong) => "too_long",
        Some(Cause::Refused) => "refused",
    };
    histogram!(CALL_SECONDS.name, "operation" => operation, "outcome" => outcome)
        .record(started.elapsed());
    count_messages(operation, messages);
    drop(in_flight);
    answer
}

/// Records the number of messages in a call.
pub(crate) fn count_messages(operation: &'static str, messages: usize) {
    if messages > 0 {
        histogram!(CALL_MESSAGES.name, "operation" => operation).record(messages as f64);
    }
}

/// Counts down on drop, so that an abandoned call is not counted forever.
struct CallInFlight(&'static str);

impl CallInFlight {
    fn begin(operation: &'static str) -> Self {
        gauge!(CALLS_IN_FLIGHT.name, "operation" => operation).increment(1);
        Self(operation)
    }
}

impl Drop for CallInFlight {
    fn drop(&mut self) {
        gauge!(CALLS_IN_FLIGHT.name, "operation" => self.0).decrement(1);
    }
}
