//! What the worker counts.

use std::time::{Duration, SystemTime};

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const MESSAGES: &str = "form_data_messages_total";
const SET_ASIDE: &str = "form_data_set_aside_total";
const INSERT_SECONDS: &str = "form_data_insert_seconds";
const INSERT_MESSAGES: &str = "form_data_insert_messages";
const STORED_AGE_SECONDS: &str = "form_data_stored_age_seconds";
const OLDEST_IN_HAND: &str = "form_data_oldest_in_hand_seconds";
const DATABASE_UP: &str = "form_data_database_up";

/// Says what each of them is.
pub fn describe() {
    describe_counter!(
        MESSAGES,
        "Messages by what became of them: stored, already_stored, set_aside or released."
    );
    describe_counter!(SET_ASIDE, "Messages that are on the invalid queue, by reason.");
    describe_histogram!(INSERT_SECONDS, "How long it took to store a batch.");
    describe_histogram!(INSERT_MESSAGES, "How many messages a batch had.");
    describe_histogram!(STORED_AGE_SECONDS, "How long after the intake took a form it was stored.");
    describe_gauge!(
        OLDEST_IN_HAND,
        "How long ago the oldest message was received that is not settled, 0 for none."
    );
    describe_gauge!(
        DATABASE_UP,
        "1 where the database stored or answered when it was last asked, else 0."
    );
    // Until it is asked: a worker whose database is away from the start has to be seen.
    database_is_up(false);
}

/// A form type is worked on. A counter that begins with its first event would hide it from `increase`.
pub fn begin(form_type: &str) {
    for outcome in ["stored", "already_stored", "set_aside", "released"] {
        counter!(MESSAGES, "form_type" => form_type.to_owned(), "outcome" => outcome).absolute(0);
    }
    queue::metrics::record_queue_up(form_type, false);
}

/// So many messages came to this end.
pub fn ended(form_type: &str, how: &'static str, messages: usize) {
    if messages > 0 {
        counter!(MESSAGES, "form_type" => form_type.to_owned(), "outcome" => how)
            .increment(messages as u64);
    }
}

/// A message is on the invalid queue. `reason` is a code and more.
pub fn set_aside(form_type: &str, reason: &str) {
    let code = reason.split(' ').next().unwrap_or_default().to_owned();
    counter!(SET_ASIDE, "form_type" => form_type.to_owned(), "reason" => code).increment(1);
    ended(form_type, "set_aside", 1);
}

/// A batch was stored, or it was tried.
pub fn inserted(messages: usize, took: Duration) {
    histogram!(INSERT_SECONDS).record(took);
    histogram!(INSERT_MESSAGES).record(messages as f64);
}

/// A form was stored that the intake took then.
pub fn stored(form_type: &str, received_at: SystemTime) {
    // Clocks differ by a little.
    let age = received_at.elapsed().unwrap_or_default();
    histogram!(STORED_AGE_SECONDS, "form_type" => form_type.to_owned()).record(age);
}

/// How old the oldest message in hand is.
pub fn oldest_in_hand(age: Duration) {
    gauge!(OLDEST_IN_HAND).set(age);
}

/// The database was asked, or stored.
pub fn database_is_up(is_up: bool) {
    gauge!(DATABASE_UP).set(u8::from(is_up));
}
