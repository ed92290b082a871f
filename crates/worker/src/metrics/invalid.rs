//! The metrics of invalid messages that are kept in the database.

use metrics::{counter, gauge};
use service::metrics::{Metric, MetricKind};

pub(super) const KEPT: Metric = Metric {
    name: "form_data_invalid_kept_total",
    kind: MetricKind::Counter,
    labels: &["form_type", "outcome"],
    description: "Messages taken from the invalid queue, by outcome: `kept` (new), `came_back` (sent back, and failed \
                  again), `old_copy`, `stored` (the form is stored already), `erased`, `released` (not kept this time) \
                  or `failing` (not kept, for the fifth time or more).",
};

pub(super) const KEPT_REASONS: Metric = Metric {
    name: "form_data_invalid_kept_reasons_total",
    kind: MetricKind::Counter,
    labels: &["form_type", "reason"],
    description: "Messages that were `kept` or `came_back`, by reason. `no_reason` means that SQS itself moved the \
                  message, or that it had no room for its reason; `other` is no code of ours.",
};

pub(super) const WAITING: Metric = Metric {
    name: "form_data_invalid_waiting",
    kind: MetricKind::Gauge,
    labels: &["form_type"],
    description: "Invalid messages in the database that wait to be sent back or discarded.",
};

pub(super) const KEEPS: Metric = Metric {
    name: "form_data_keeps_invalid",
    kind: MetricKind::Gauge,
    labels: &["form_type"],
    description: "0 if a right or the invalid queue is missing, so that the worker cannot keep invalid messages; else 1.",
};

pub(super) const RECOGNISES_ERASED: Metric = Metric {
    name: "form_data_recognises_erased",
    kind: MetricKind::Gauge,
    labels: &[],
    description: "0 if a right is missing, so that the worker cannot ask which submissions were erased before it sets \
                  a message aside; else 1.",
};

const OUTCOMES: [&str; 7] =
    ["kept", "came_back", "old_copy", "stored", "erased", "released", "failing"];

/// Creates the metrics of a form type's invalid messages, so that their first event is an increase.
pub fn start_at_zero(form_type: &str) {
    for outcome in OUTCOMES {
        counter!(KEPT.name, "form_type" => form_type.to_owned(), "outcome" => outcome).absolute(0);
    }
    set_keeps(form_type, true);
}

/// Counts a message of the invalid queue. `reason` is its reason's code.
pub fn count_kept(form_type: &str, outcome: &'static str, reason: Option<&str>) {
    counter!(KEPT.name, "form_type" => form_type.to_owned(), "outcome" => outcome).increment(1);
    if let Some(reason) = reason
        && ["kept", "came_back"].contains(&outcome)
    {
        let (form_type, reason) = (form_type.to_owned(), reason.to_owned());
        counter!(KEPT_REASONS.name, "form_type" => form_type, "reason" => reason).increment(1);
    }
}

pub fn set_keeps(form_type: &str, keeps: bool) {
    gauge!(KEEPS.name, "form_type" => form_type.to_owned()).set(u8::from(keeps));
}

pub fn set_recognises_erased(recognises: bool) {
    gauge!(RECOGNISES_ERASED.name).set(u8::from(recognises));
}

pub fn set_waiting(form_type: &str, messages: u64) {
    gauge!(WAITING.name, "form_type" => form_type.to_owned()).set(messages as f64);
}
