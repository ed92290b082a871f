use domain::InvalidMessage;
use store::{SubmissionState, SubmissionWhere};
use uuid::Uuid;

use crate::support::{Fixture, decided, fixture, old_message, submission};

fn keep(f: &Fixture, id: u128, body: &str, reason: &str) {
    let message = InvalidMessage {
        form_type: "registration".to_owned(),
        submission_id: Some(Uuid::from_u128(id)),
        sqs_message_id: format!("message-{id:04}"),
        body: body.as_bytes().to_vec(),
        attributes: b"{}".to_vec(),
        reason: reason.to_owned(),
        times_sent: None,
    };
    f.store.keep_invalid(&message).unwrap();
}

/// The states of the submissions 1 to 9, by id.
fn states(f: &Fixture) -> Vec<(u128, String, SubmissionWhere)> {
    let mut states =
        f.store.submission_states(&(1..=9).map(Uuid::from_u128).collect::<Vec<_>>()).unwrap();
    states.sort_by_key(|state| state.submission_id);
    states
        .into_iter()
        .map(|SubmissionState { submission_id, form_type, at }| {
            (submission_id.as_u128(), form_type, at)
        })
        .collect()
}

fn erase(f: &Fixture, form_type: &str, id: u128) {
    let id = Uuid::from_u128(id);
    f.database.sql(&format!("SELECT erase_submission('{form_type}', '{id}', NULL, 'request')"));
}

#[test]
fn a_submission_is_stored_invalid_or_erased_or_nothing_is_known_of_it() {
    let f = fixture();
    decided(f.store.insert_once(&[
        submission(1, r#"{"data": 1}"#),
        submission(2, r#"{"data": 2}"#),
        old_message(9, r#"{"data": 9}"#),
    ]));
    erase(&f, "form", 2);
    keep(&f, 3, "{", "not_json at byte 1");
    keep(&f, 4, "{", "not_json");
    erase(&f, "registration", 4);
    let of = |form_type: &str, id, at| (id, form_type.to_owned(), at);
    assert_eq!(
        states(&f),
        [
            of("form", 1, SubmissionWhere::Stored),
            of("form", 2, SubmissionWhere::Erased),
            of("registration", 3, SubmissionWhere::Invalid("not_json".to_owned())),
            of("registration", 4, SubmissionWhere::Erased),
        ]
    );
    assert_eq!(f.store.submission_states(&[]), Ok(vec![]));
}

#[test]
fn a_stored_row_decides_and_otherwise_the_message_that_came_last() {
    let f = fixture();
    decided(f.store.insert_once(&[submission(1, r#"{"data": 1}"#)]));
    keep(&f, 1, "other", "id_taken");
    keep(&f, 2, "first", "not_json");
    keep(&f, 2, "second", "too_deep");
    f.database.sql("UPDATE invalid_messages SET last_seen = last_seen + interval '1 s' WHERE reason = 'not_json'");
    let at: Vec<SubmissionWhere> = states(&f).into_iter().map(|(_, _, at)| at).collect();
    assert_eq!(at, [SubmissionWhere::Stored, SubmissionWhere::Invalid("not_json".to_owned())]);
}

#[test]
fn nothing_is_known_of_a_submission_that_is_on_its_way_again() {
    let f = fixture();
    keep(&f, 1, "first", "not_json");
    let with_state = |state: &str| {
        f.database.sql(&format!("UPDATE invalid_messages SET state = '{state}'"));
        states(&f).len()
    };
    assert_eq!(["waiting", "sent_back", "discarded", "stored"].map(with_state), [1, 0, 1, 0]);
}

#[test]
fn a_reason_that_somebody_else_wrote_is_not_passed_on() {
    let f = fixture();
    keep(&f, 1, "{", "ignatius.example has no e-mail address");
    assert_eq!(
        states(&f),
        [(1, "registration".to_owned(), SubmissionWhere::Invalid("other".to_owned()))]
    );
}
