//! An erased submission stays erased, whatever arrives for it, and whoever inserts it.

mod at_once;
mod by_message_id;
mod kept;
mod message_ids;

use domain::Record;
use store::RowOutcome::{AlreadyStored, IdTaken, Stored};
use uuid::Uuid;

use crate::{
    adoption::OLD_INSERT,
    support::{Fixture, decided, fixture, old_message, submission},
};

const DATA: &str = r#"{"data": "of a person"}"#;

/// What `forms` knows besides the times.
const ROWS: &str =
    "SELECT form_type, submission_id, sqs_message_id, data, traceparent, erased_at IS NOT NULL
    FROM forms ORDER BY id";
const ERASURES: &str =
    "SELECT form_type, form_id, submission_id, sqs_message_id, reason FROM erasures ORDER BY id";

fn erase_call(submission_id: Option<u128>, sqs_message_id: Option<&str>) -> String {
    let submission_id =
        submission_id.map_or("NULL".to_owned(), |id| format!("'{}'", Uuid::from_u128(id)));
    let sqs_message_id = sqs_message_id.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    format!("SELECT erase_submission('form', {submission_id}, {sqs_message_id}, 'request')")
}

/// By both ids of [`submission`].
fn erase(f: &Fixture, n: u128) -> String {
    f.database.sql(&erase_call(Some(n), Some(&format!("message-{n:04}"))))
}

#[test]
fn an_erased_row_keeps_its_keys_and_loses_its_content() {
    let f = fixture();
    decided(f.store.insert_once(&[submission(1, DATA), submission(2, DATA)]));
    f.database.sql("UPDATE forms SET traceparent = 'trace'");
    assert_eq!(f.database.sql(&erase_call(Some(1), None)), "erased");
    assert_eq!(
        f.database.sql(ROWS),
        "form|00000000-0000-0000-0000-000000000001|message-0001|null||t\n\
         form|00000000-0000-0000-0000-000000000002|message-0002|{\"data\": \"of a person\"}|trace|f"
    );
    assert_eq!(
        f.database.sql(ERASURES),
        "form|1|00000000-0000-0000-0000-000000000001|message-0001|request"
    );
    assert_eq!(
        f.database.sql(
            "SELECT f.erased_at = e.erased_at FROM forms f JOIN erasures e ON e.form_id = f.id"
        ),
        "t"
    );
}

#[test]
fn a_second_call_adds_nothing_and_says_so() {
    let f = fixture();
    decided(f.store.insert_once(&[submission(1, DATA), old_message(2, DATA)]));
    for (submission_id, message_id) in [
        (Some(1), Some("message-0001")),
        (None, Some("message-0002")),
        (Some(3), None),
        (Some(4), Some("message-0004")),
        (None, Some("message-0005")),
    ] {
        let call = erase_call(submission_id, message_id);
        assert_eq!(f.database.sql(&call), "erased", "{call}");
        let (rows, erasures) = (f.database.sql(ROWS), f.database.sql(ERASURES));
        assert_eq!(f.database.sql(&call), "already_erased", "{call}");
        assert_eq!((f.database.sql(ROWS), f.database.sql(ERASURES)), (rows, erasures), "{call}");
    }
    assert_eq!(f.database.sql("SELECT count(*) FROM erasures"), "5");
}

#[test]
fn a_submission_that_was_never_stored_gets_a_row_that_is_empty_from_the_start() {
    let f = fixture();
    assert_eq!(erase(&f, 1), "erased");
    assert_eq!(
        f.database.sql(ROWS),
        "form|00000000-0000-0000-0000-000000000001|message-0001|null||t"
    );
    assert_eq!(decided(f.store.insert_once(&[submission(1, DATA)])), [AlreadyStored]);
}

#[test]
fn whatever_arrives_for_an_erased_submission_is_already_stored() {
    let f = fixture().for_2016();
    let first = submission(1, DATA);
    decided(f.store.insert_once(&[first.clone(), old_message(2, DATA)]));
    assert_eq!(
        (erase(&f, 1), f.database.sql(&erase_call(None, Some("message-0002")))),
        ("erased".to_owned(), "erased".to_owned())
    );
    let rows = f.database.sql(ROWS);
    let posted_again = "another message".to_owned();
    let arrivals = [
        ("delivered again", first.clone()),
        ("posted again", Record { sqs_message_id: posted_again.clone(), ..first.clone() }),
        ("without its id", Record { submission_id: None, ..first.clone() }),
        ("other data", Record { data: "{}".to_owned(), ..first.clone() }),
        ("JSON null", Record { data: "null".to_owned(), ..first.clone() }),
        ("other form type", Record { form_type: "enrolment".to_owned(), ..first.clone() }),
        ("text that is not JSON", Record { data: "{".to_owned(), ..first.clone() }),
        (
            "posted again, and PostgreSQL refuses it",
            Record { data: r#""\u0000""#.to_owned(), sqs_message_id: posted_again, ..first },
        ),
        ("a message of 2016", old_message(2, DATA)),
        ("a message of 2016 with an id now", submission(2, DATA)),
    ];
    for (case, record) in &arrivals {
        assert_eq!(
            decided(f.store.insert_once(std::slice::from_ref(record))),
            [AlreadyStored],
            "{case}"
        );
    }
    // All of them beside a good one, as the worker sends them.
    let mut batch: Vec<Record> = arrivals.into_iter().map(|(_, record)| record).collect();
    batch.push(submission(3, DATA));
    let outcomes = decided(f.store.insert_once(&batch));
    assert_eq!(outcomes.last(), Some(&Stored));
    assert!(outcomes[..10].iter().all(|outcome| *outcome == AlreadyStored), "{outcomes:?}");
    assert!(f.database.sql(ROWS).starts_with(&rows));
    assert_eq!(f.rows(), 3);
}

/// An `original_message_id` that somebody has made up must not make a form disappear.
#[test]
fn another_submission_with_the_message_id_of_an_erased_one_is_not_taken_for_it() {
    let f = fixture().for_2016();
    decided(f.store.insert_once(&[submission(1, DATA)]));
    erase(&f, 1);
    let other = Record { submission_id: Some(Uuid::from_u128(9)), ..submission(1, DATA) };
    assert_eq!(decided(f.store.insert_once(std::slice::from_ref(&other))), [IdTaken]);

    decided(f.store.insert_once(&[submission(2, DATA)]));
    assert_eq!(f.database.sql(&erase_call(Some(9), Some("message-0002"))), "erased");
    assert_eq!(
        f.database.sql("SELECT submission_id, sqs_message_id, data FROM forms WHERE id > 1 AND submission_id IS NOT NULL ORDER BY submission_id"),
        "00000000-0000-0000-0000-000000000002|message-0002|{\"data\": \"of a person\"}\n\
         00000000-0000-0000-0000-000000000009||null"
    );
    assert_eq!(decided(f.store.insert_once(&[other])), [AlreadyStored]);
}

/// Nobody knows which submission id a message that was erased by its message id alone would bring.
#[test]
fn a_tombstone_without_a_submission_id_is_for_each_message_with_its_message_id() {
    for f in [fixture(), fixture().for_2016()] {
        decided(f.store.insert_once(&[old_message(1, DATA)]));
        for message_id in ["message-0001", "message-0002"] {
            assert_eq!(f.database.sql(&erase_call(None, Some(message_id))), "erased");
        }
        let rows = f.database.sql(ROWS);
        for n in [1, 2] {
            assert_eq!(decided(f.store.insert_once(&[submission(n, DATA)])), [AlreadyStored]);
            let message_id = format!("message-{n:04}");
            assert_eq!(kept::keep(&f, Some(n), &message_id, "{"), "erased");
        }
        assert_eq!(f.database.sql(ROWS), rows);
    }
}

#[test]
fn a_row_that_the_worker_of_2016_stored_is_erased_with_the_submission_id_it_does_not_have() {
    let f = fixture().for_2016();
    f.database.sql(OLD_INSERT);
    assert_eq!(f.database.sql(&erase_call(Some(4), Some("old-4"))), "erased");
    assert_eq!(
        f.database.sql(ROWS),
        "form||old-4|null||t\nform|00000000-0000-0000-0000-000000000004||null||t"
    );
    let posted_again = submission(4, DATA);
    let delivered_again = Record { sqs_message_id: "old-4".to_owned(), ..posted_again.clone() };
    assert_eq!(
        decided(f.store.insert_once(&[posted_again, delivered_again])),
        [AlreadyStored, AlreadyStored]
    );
}

/// The insert and the calls of commit 5e31db5.
#[test]
fn the_release_before_and_the_worker_of_2016_do_not_bring_an_erased_row_back() {
    let f = fixture().for_2016();
    f.database.sql(OLD_INSERT);
    decided(f.store.insert_once(&[submission(1, DATA)]));
    erase(&f, 1);
    f.database.sql(&erase_call(None, Some("old-4")));
    let rows = f.database.sql(ROWS);

    let id = Uuid::from_u128(1);
    let insert = format!(
        "INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data) \
         SELECT r.form_type, r.submission_id, r.sqs_message_id, r.received_at, r.data::jsonb FROM unnest(\
         ARRAY['form', 'form', 'form'], ARRAY['{id}', NULL, '{id}']::uuid[], \
         ARRAY['message-0001', 'old-4', 'posted again'], ARRAY[now(), NULL, now()]::timestamptz[], \
         ARRAY['{DATA}', '{{\"data\": 4}}', '{DATA}']) \
         AS r (form_type, submission_id, sqs_message_id, received_at, data) \
         ON CONFLICT DO NOTHING RETURNING sqs_message_id"
    );
    assert_eq!(f.database.sql(&insert), "");
    for (id, message, data) in [
        (format!("'{id}'"), "message-0001", DATA),
        (format!("'{id}'"), "posted again", "{}"),
        ("NULL".to_owned(), "old-4", r#"{"data": 4}"#),
        ("NULL".to_owned(), "message-0001", "no JSON"),
    ] {
        let call = format!("SELECT store_form('form', {id}, '{message}', now(), '{data}')");
        assert_eq!(f.database.sql(&call), "already_stored", "{call}");
    }

    assert_eq!(f.database.sql("SELECT count(*) FROM form_form"), "0");
    let violation = f.database.try_sql(OLD_INSERT).unwrap_err().to_string();
    assert!(violation.contains("violates unique constraint"), "{violation}");
    assert_eq!(f.database.sql(ROWS), rows);
}

#[test]
fn the_release_before_stores_what_was_not_erased_as_it_did() {
    let f = fixture();
    let call = |message: &str, data: &str| {
        f.database.sql(&format!("SELECT store_form('form', NULL, '{message}', NULL, '{data}')"))
    };
    assert_eq!(call("one", "{}"), "stored");
    assert_eq!(call("one", "{}"), "already_stored");
    assert_eq!(call("one", "[]"), "id_taken");
    assert_eq!(call("two", "{"), "22P02");
    assert_eq!(f.database.sql("SELECT sqs_message_id FROM form_form"), "one");
}

#[test]
fn calls_that_erase_nothing_say_why() {
    let f = fixture();
    decided(f.store.insert_once(&[submission(1, DATA)]));
    let id = format!("'{}'", Uuid::from_u128(1));
    for (arguments, expected) in [
        (format!("NULL, {id}, NULL, 'request'"), "needs a form type"),
        (format!("'', {id}, NULL, 'request'"), "needs a form type"),
        ("'form', NULL, NULL, 'request'".to_owned(), "needs a submission id or an SQS message id"),
        ("'form', NULL, '', 'request'".to_owned(), "needs a submission id or an SQS message id"),
        (format!("'form', {id}, NULL, NULL"), "the reason must be a code"),
        (format!("'form', {id}, NULL, ''"), "the reason must be a code"),
        (format!("'form', {id}, NULL, 'Ms Smith asked'"), "the reason must be a code"),
        (format!("'enrolment', {id}, NULL, 'request'"), "is not of the form type enrolment"),
    ] {
        let call = format!("SELECT erase_submission({arguments})");
        let error = f.database.try_sql(&call).unwrap_err().to_string();
        assert!(error.contains(expected), "{arguments}: {error}");
    }
    assert_eq!(f.database.sql("SELECT count(*) FROM forms WHERE erased_at IS NULL"), "1");
}

#[test]
fn readers_follow_erasures_by_a_watermark() {
    let f = fixture();
    let watermark = "SELECT watermark FROM advance_watermark('erasures')";
    assert_eq!(f.database.sql(watermark), "0");
    let _open = f.session_that(&format!("BEGIN; {}", erase_call(Some(1), None)));
    assert_eq!(f.database.sql(&erase_call(Some(2), None)), "erased");
    assert_eq!(f.database.sql(watermark), "0");
    drop(_open);
    f.wait_for("SELECT watermark = 2 FROM advance_watermark('erasures')");
}

#[test]
fn rows_are_found_by_their_indexes() {
    let f = fixture().for_2016();
    f.database.sql(
        "INSERT INTO forms (submission_id, sqs_message_id, data)
             SELECT gen_random_uuid(), 'message-' || n, '{}' FROM generate_series(1, 5000) n; ANALYZE forms",
    );
    let plan = f.database.sql(
        "PREPARE find (uuid, text) AS SELECT bool_or(f.erased_at IS NULL) FROM forms_with_ids($1, $2) f;
         SET plan_cache_mode = force_generic_plan;
         EXPLAIN EXECUTE find('00000000-0000-0000-0000-000000000001', 'message-1')",
    );
    assert!(plan.contains("forms_submission_id_key"), "{plan}");
    assert!(plan.contains("forms_sqs_message_id_key"), "{plan}");
    assert!(!plan.contains("Seq Scan on forms"), "{plan}");
}
