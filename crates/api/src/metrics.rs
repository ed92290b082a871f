//! What the intake counts.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};

const REQUEST_SECONDS: &str = "form_data_request_seconds";
const REFUSALS: &str = "form_data_refusals_total";

/// Reasons for refusals that alerts look at.
const ALERTED: [&str; 9] = [
    "signature_wrong",
    "no_header",
    "mac_wrong",
    "unknown_client",
    "payload_hash_wrong",
    "nonce_seen",
    "stale_timestamp",
    "sqs_unavailable",
    "queue_not_found",
];

/// Says what each of them is.
pub fn describe() {
    describe_histogram!(
        REQUEST_SECONDS,
        "How long requests took to be answered, from their head on."
    );
    describe_counter!(REFUSALS, "Requests that were not taken, by reason.");
    // A counter that begins with its first event hides it from `increase`; these are the ones that alerts look at.
    for reason in ALERTED {
        counter!(REFUSALS, "reason" => reason).absolute(0);
    }
}

/// A request was answered. `route` is a pattern, such as `/form/`.
pub fn answered(route: String, method: &'static str, status: u16, took: Duration) {
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    histogram!(REQUEST_SECONDS, &labels).record(took);
}

/// A request was not taken. `reason` is a stable code.
pub fn refused(reason: &'static str) {
    counter!(REFUSALS, "reason" => reason).increment(1);
}
