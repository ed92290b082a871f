//! Messages that are kept: every way in which one can arrive, and what becomes of its row.

use std::thread;

use diesel::connection::SimpleConnection;
use domain::{AttributeValue, InvalidMessage, Received};
use store::{
    Keeping::{self, CameBack, Erased, Kept, OldCopy},
    RowOutcome::Stored,
    Store,
};
use uuid::Uuid;

use crate::support::{Fixture, decided, fixture, old_message, store_on, submission};

fn message(n: u128, body: &str) -> InvalidMessage {
    InvalidMessage {
        form_type: "form".to_owned(),
        submission_id: Some(Uuid::from_u128(n)),
        sqs_message_id: format!("message-{n:04}"),
        body: body.as_bytes().to_vec(),
        attributes: b"{}".to_vec(),
        reason: "id_taken".to_owned(),
        times_sent: None,
    }
}

fn numbered(number: i32) -> InvalidMessage {
    InvalidMessage { times_sent: Some(number), ..message(1, "{") }
}

fn keep(f: &Fixture, message: &InvalidMessage) -> Keeping {
    f.store.keep_invalid(message).unwrap()
}

fn send_back(store: &Store) -> i32 {
    let (message, sending) = store.begin_sending_back(&[1]).unwrap().remove(0);
    store.mark_sent_back(sending).unwrap();
    message.times_sent.unwrap()
}

/// State, times seen and times sent.
fn state(f: &Fixture) -> String {
    f.database.sql("SELECT state, times_seen, times_sent FROM invalid_messages ORDER BY id")
}

#[test]
fn a_message_is_kept_as_it_came_whatever_its_body_and_its_attributes_are() {
    let f = fixture();
    let large = format!(r#"{{"data": "{}"}}"#, "é".repeat((1 << 19) - 8));
    let attributes = [
        ("unknown", AttributeValue::string("\u{1f600} \"x\"")),
        (
            "photo",
            AttributeValue::Binary { data_type: "Binary.png".to_owned(), value: vec![0, 255, 10] },
        ),
        ("n", AttributeValue::Text { data_type: "Number.int".to_owned(), value: "007".to_owned() }),
    ];
    for body in [
        r#"{"data":"\u0000"}"#,
        r#"{"data":"\ud800"}"#,
        "{\"data\"",
        "",
        "\u{10ffff}\t\r\n",
        &large,
    ] {
        let received = Received {
            message_id: format!("of {} bytes", body.len()),
            body: body.to_owned(),
            attributes: attributes.clone().map(|(name, value)| (name.to_owned(), value)).into(),
        };
        let kept = InvalidMessage::from_received(received.clone(), "form");
        assert_eq!(keep(&f, &kept), Kept);
        let id = f.database.sql("SELECT max(id) FROM invalid_messages").parse().unwrap();
        let read = f.store.read_waiting(id).unwrap().unwrap();
        assert_eq!(read.reason, domain::NO_REASON);
        assert_eq!(read.into_received(), Some(received));
    }
    assert_eq!(f.database.sql("SELECT bool_and(sha256 = sha256(body)) FROM invalid_messages"), "t");
}

#[test]
fn copies_with_the_same_identity_and_body_are_one_row_and_all_else_is_another() {
    let f = fixture();
    let first = message(1, "{");
    assert_eq!(keep(&f, &first), Kept);
    let from_elsewhere = InvalidMessage { sqs_message_id: "other".to_owned(), ..first.clone() };
    assert_eq!((keep(&f, &first), keep(&f, &from_elsewhere)), (OldCopy, OldCopy));
    assert_eq!(state(&f), "waiting|3|0");
    for other in [
        message(2, "{"),
        message(1, "["),
        InvalidMessage { form_type: "enrolment".to_owned(), ..first.clone() },
        InvalidMessage { submission_id: None, ..first.clone() },
    ] {
        assert_eq!(keep(&f, &other), Kept, "{other:?}");
    }
    let mut waiting = f.store.count_waiting().unwrap();
    waiting.sort();
    assert_eq!(waiting, [("enrolment".to_owned(), 1), ("form".to_owned(), 4)]);
}

#[test]
fn a_message_that_was_sent_back_waits_again_when_it_fails_again_and_late_copies_only_count() {
    let f = fixture();
    assert_eq!(keep(&f, &message(1, "{")), Kept);
    assert_eq!(send_back(&f.store), 1);
    assert_eq!(state(&f), "sent_back|1|1");
    let failed_again = InvalidMessage { reason: "not_json".to_owned(), ..numbered(1) };
    assert_eq!(keep(&f, &failed_again), CameBack);
    assert_eq!(state(&f), "waiting|2|1");
    assert_eq!(f.database.sql("SELECT reason FROM invalid_messages"), "not_json");
    assert_eq!(keep(&f, &message(1, "{")), OldCopy, "of the first delivery");
    assert_eq!(state(&f), "waiting|3|1");

    assert_eq!(send_back(&f.store), 2);
    assert_eq!(keep(&f, &numbered(1)), OldCopy, "of the delivery before");
    assert_eq!(state(&f), "sent_back|4|2");
    assert_eq!(keep(&f, &message(1, "{")), CameBack, "its number had no room");
    assert_eq!(state(&f), "waiting|5|2");
}

#[test]
fn a_message_that_comes_back_before_it_is_marked_as_sent_waits_on() {
    let f = fixture();
    keep(&f, &message(1, "{"));
    let sending = f.store.begin_sending_back(&[1]).unwrap();
    assert_eq!(state(&f), "waiting|1|1", "whoever dies here leaves a row that is found");
    assert_eq!(keep(&f, &numbered(1)), OldCopy);
    f.store.mark_sent_back(sending[0].1).unwrap();
    assert_eq!(state(&f), "waiting|2|1");

    let [slow, fast] = [(); 2].map(|()| f.store.begin_sending_back(&[1]).unwrap());
    f.store.mark_sent_back(slow[0].1).unwrap();
    assert_eq!(state(&f), "waiting|2|3", "it was sent again meanwhile");
    f.store.mark_sent_back(fast[0].1).unwrap();
    assert_eq!(state(&f), "sent_back|2|3");
    assert!(f.store.begin_sending_back(&[1]).unwrap().is_empty());
}

#[test]
fn a_message_whose_form_is_stored_with_the_same_content_does_not_wait() {
    let f = fixture();
    let rows = [submission(1, r#"{"a": 1.50, "b": 2}"#), old_message(2, r#"{"data": 2}"#)];
    assert_eq!(decided(f.store.insert_once(&rows)), [Stored, Stored]);
    let same = message(1, r#"{"b":2,"a":1.50}"#);
    assert_eq!((keep(&f, &same), keep(&f, &same)), (Keeping::Stored, Keeping::Stored));
    let by_message_id = InvalidMessage { submission_id: None, ..message(2, r#"{"data":2}"#) };
    assert_eq!(keep(&f, &by_message_id), Keeping::Stored);
    for (case, body) in [
        ("other content", r#"{"a":1.50}"#),
        ("no JSON", "{"),
        ("NUL", r#"{"a":"\u0000"}"#),
        ("a lone surrogate", r#"{"a":"\ud800"}"#),
        ("beyond numeric", r#"{"a":1e200000}"#),
        ("nesting beyond the stack", &"[".repeat(1 << 20)),
    ] {
        assert_eq!(keep(&f, &message(1, body)), Kept, "{case}");
    }
    let other_type = InvalidMessage { form_type: "enrolment".to_owned(), ..same };
    assert_eq!(keep(&f, &other_type), Kept);
}

#[test]
fn a_waiting_message_whose_form_is_stored_meanwhile_does_not_wait_any_more() {
    let f = fixture();
    assert_eq!(keep(&f, &message(1, r#"{"a":1}"#)), Kept);
    assert_eq!(decided(f.store.insert_once(&[submission(1, r#"{"a":1}"#)])), [Stored]);
    assert_eq!(keep(&f, &message(1, r#"{"a":1}"#)), Keeping::Stored);
    assert_eq!(state(&f), "stored|2|0");
}

#[test]
fn an_erased_identity_is_never_kept_and_a_discarded_message_stays_discarded() {
    let f = fixture();
    assert_eq!(
        decided(f.store.insert_once(&[submission(1, "{}"), old_message(2, "{}")])),
        [Stored, Stored]
    );
    f.database.sql("UPDATE forms SET data = 'null', erased_at = now()");
    let old = InvalidMessage { submission_id: None, ..message(2, "{}") };
    assert_eq!((keep(&f, &message(1, "{}")), keep(&f, &old)), (Erased, Erased));
    assert_eq!(f.database.sql("SELECT count(*) FROM invalid_messages"), "0");

    assert_eq!(keep(&f, &message(3, "{")), Kept);
    f.database.sql("UPDATE invalid_messages SET state = 'discarded'");
    assert_eq!(keep(&f, &message(3, "{")), OldCopy);
    assert_eq!(state(&f), "discarded|2|0");
    f.database.sql("UPDATE invalid_messages SET body = '', attributes = '', erased_at = now()");
    assert_eq!(keep(&f, &message(3, "{")), Erased);
}

#[test]
fn of_many_workers_with_the_same_message_one_keeps_it_and_all_others_count() {
    let f = fixture();
    let mut answers: Vec<&str> = thread::scope(|scope| {
        let url = f.database.url();
        let keeping = (0..8).map(|_| {
            let url = url.clone();
            scope.spawn(move || {
                let store = store_on(&url, |_| {});
                (0..20)
                    .map(|_| store.keep_invalid(&message(1, "{")).unwrap().code())
                    .collect::<Vec<_>>()
            })
        });
        let keeping: Vec<_> = keeping.collect();
        keeping.into_iter().flat_map(|call| call.join().unwrap()).collect::<Vec<_>>()
    });
    answers.sort_unstable();
    assert_eq!((answers[0], answers[1], answers[159]), ("kept", "old_copy", "old_copy"));
    assert_eq!(state(&f), "waiting|160|0");
}

#[test]
fn a_message_that_is_kept_while_its_identity_is_erased_waits_for_the_erasure() {
    let f = fixture();
    let mut erasing = f.session_that(
        "BEGIN; SELECT lock_identity('00000000-0000-0000-0000-000000000001', 'any');
         INSERT INTO forms (submission_id, sqs_message_id, data, erased_at)
             VALUES ('00000000-0000-0000-0000-000000000001', 'message-0001', 'null', now())",
    );
    thread::scope(|scope| {
        let keeping = scope.spawn(|| keep(&f, &message(1, "{")));
        f.wait_for_blocked();
        erasing.batch_execute("COMMIT").unwrap();
        assert_eq!(keeping.join().unwrap(), Erased);
    });
    assert_eq!(f.database.sql("SELECT count(*) FROM invalid_messages"), "0");
}

#[test]
fn whoever_may_insert_forms_may_keep_and_count_messages_and_cannot_read_them() {
    let f = fixture();
    let role = format!("{}_keeper", f.database.name());
    f.database.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'keeper'; GRANT USAGE ON SCHEMA public TO {role};
         GRANT SELECT, INSERT ON forms TO {role}"
    ));
    let url = f.database.url_as(&role, "keeper");
    let store = store_on(&url, |_| {});
    assert_eq!(store.may_keep_invalid(), Ok(false), "it was not there when the migration ran");
    assert!(store.keep_invalid(&message(1, "{")).is_err());
    f.database.sql(&format!(
        "GRANT EXECUTE ON FUNCTION keep_invalid, invalid_messages_waiting TO {role}"
    ));
    assert_eq!(store.may_keep_invalid(), Ok(true));
    assert_eq!(store.keep_invalid(&message(1, "{")), Ok(Kept));
    assert_eq!(store.count_waiting(), Ok(vec![("form".to_owned(), 1)]));
    for denied in [
        "SELECT state FROM invalid_messages",
        "INSERT INTO invalid_messages DEFAULT VALUES",
        "UPDATE invalid_messages SET state = 'waiting'",
        "DELETE FROM invalid_messages",
        "SELECT lock_identity(NULL, '')",
        "SELECT nextval('invalid_messages_id_seq')",
    ] {
        let error = test_kit::postgres::sql(&url, denied).unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{denied}: {error}");
    }
    f.database.sql("DROP FUNCTION invalid_messages_waiting");
    assert_eq!(store.may_keep_invalid(), Ok(false));
    drop(store);
    f.database.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}';
         DROP OWNED BY {role}; DROP ROLE {role}"
    ));
}

#[test]
fn the_way_back_refuses_while_messages_wait() {
    let f = fixture();
    let down = include_str!("../../../../migrations/2026-11-23-100000_invalid_messages/down.sql");
    keep(&f, &message(1, "{"));
    let error = f.database.try_sql(down).unwrap_err().to_string();
    assert!(error.contains("messages wait in invalid_messages"), "{error}");
    f.database.sql("UPDATE invalid_messages SET state = 'discarded'");
    f.database.sql(down);
    assert_eq!(f.database.sql("SELECT to_regclass('invalid_messages') IS NULL"), "t");
}

#[test]
fn what_waits_is_listed_from_the_oldest_on_page_by_page() {
    let f = fixture();
    for n in 1..=5 {
        keep(&f, &message(n, "{"));
    }
    f.database.sql("UPDATE invalid_messages SET state = 'sent_back' WHERE id = 2");
    let page = |after| f.store.waiting("form", after, 2).unwrap();
    let ids: Vec<i64> = [page(0), page(3), page(5)].concat().iter().map(|row| row.id).collect();
    assert_eq!(ids, [1, 3, 4, 5]);
    assert_eq!(f.store.waiting("enrolment", 0, 2), Ok(vec![]));
    let first = &page(0)[0];
    assert_eq!((first.bytes, first.times_seen, first.times_sent), (1, 1, 0));
    assert_eq!(first.identity, Uuid::from_u128(1).to_string());
}
