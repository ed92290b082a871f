//! The outcome of a single row.

use domain::Record;
use store::RowOutcome::{AlreadyStored, IdTaken, Stored};
use uuid::Uuid;

use crate::support::{TRACEPARENT, decided, fixture, old_message, refused, submission};

#[test]
fn a_submission_is_stored_as_it_was_sent() {
    let f = fixture();
    let record = Record {
        form_type: "enrolment".to_owned(),
        ..submission(7, r#"{"b": "\u00e9 ☃", "a": [1.50, 12345678901234567890.1]}"#)
    };
    assert_eq!(decided(f.store.insert_once(&[record])), [Stored]);
    assert_eq!(
        f.database.sql("SET TIME ZONE 'UTC'; SELECT id, form_type, submission_id, sqs_message_id, data, received_at, created > now() - interval '1 minute' FROM forms"),
        r#"1|enrolment|00000000-0000-0000-0000-000000000007|message-0007|{"a": [1.50, 12345678901234567890.1], "b": "é ☃"}|2026-11-21 01:02:03.456789+00|t"#
    );
}

#[test]
fn a_row_knows_the_schema_and_the_trace_of_its_submission_however_it_was_stored() {
    let f = fixture();
    let bad = Record { data: "{".to_owned(), ..submission(3, "{}") };
    decided(f.store.insert_once(&[submission(1, "{}"), old_message(2, "{}")]));
    // One bad row fails the batch, so these are stored by the statement that settles it.
    decided(f.store.insert_once(&[submission(4, "{}"), old_message(5, "{}"), bad]));
    let columns = "SELECT sqs_message_id, encode(schema_digest, 'hex'), traceparent FROM forms
        ORDER BY sqs_message_id";
    let digest = domain::FormType::form().schema_digest();
    assert_eq!(
        f.database.sql(columns),
        format!(
            "message-0001|{digest}|{TRACEPARENT}\nmessage-0002||\n\
             message-0004|{digest}|{TRACEPARENT}\nmessage-0005||"
        )
    );
}

#[test]
fn a_message_of_the_old_server_has_no_submission_id() {
    let f = fixture();
    assert_eq!(
        decided(f.store.insert_once(&[old_message(1, "{}"), old_message(2, "{}")])),
        [Stored, Stored]
    );
    assert_eq!(
        f.database
            .sql("SELECT count(*) FROM forms WHERE submission_id IS NULL AND received_at IS NULL"),
        "2"
    );
}

#[test]
fn an_empty_batch_does_nothing() {
    let f = fixture();
    assert_eq!(decided(f.store.insert_once(&[])), []);
}

#[test]
fn a_second_delivery_is_already_stored_or_has_a_taken_id() {
    let f = fixture().for_2016();
    let first = submission(1, r#"{"data": 1, "x": [1]}"#);
    assert_eq!(decided(f.store.insert_once(std::slice::from_ref(&first))), [Stored]);

    let other_id = Some(Uuid::from_u128(99));
    let other_message = "another message".to_owned();
    for (case, record, expected) in [
        ("delivered twice", first.clone(), AlreadyStored),
        (
            "sent twice",
            Record { sqs_message_id: other_message.clone(), ..first.clone() },
            AlreadyStored,
        ),
        (
            "keys in another order",
            Record { data: r#"{"x":[1],"data":1}"#.to_owned(), ..first.clone() },
            AlreadyStored,
        ),
        ("a later time of receipt", Record { received_at: None, ..first.clone() }, AlreadyStored),
        ("without its id", Record { submission_id: None, ..first.clone() }, AlreadyStored),
        ("id of its own", Record { submission_id: other_id, ..first.clone() }, AlreadyStored),
        ("other data", Record { data: "{}".to_owned(), ..first.clone() }, IdTaken),
        (
            "other data, same message",
            Record { data: "{}".to_owned(), submission_id: None, ..first.clone() },
            IdTaken,
        ),
        (
            "other data, same submission",
            Record { data: "{}".to_owned(), sqs_message_id: other_message, ..first.clone() },
            IdTaken,
        ),
        ("other form type", Record { form_type: "enrolment".to_owned(), ..first.clone() }, IdTaken),
    ] {
        assert_eq!(decided(f.store.insert_once(&[record])), [expected], "{case}");
    }
    assert_eq!(f.rows(), 1);
}

#[test]
fn a_row_whose_ids_are_on_two_rows_is_already_stored_if_either_has_its_content() {
    let f = fixture();
    let [one, two] = [submission(1, r#"{"data": 1}"#), submission(2, r#"{"data": 2}"#)];
    assert_eq!(decided(f.store.insert_once(&[one.clone(), two.clone()])), [Stored, Stored]);
    let mixed = Record { sqs_message_id: two.sqs_message_id.clone(), ..one.clone() };
    let neither = Record { data: "{}".to_owned(), ..mixed.clone() };
    assert_eq!(decided(f.store.insert_once(&[mixed, neither])), [AlreadyStored, IdTaken]);
}

#[test]
fn data_that_postgresql_never_accepts_is_refused_with_its_code() {
    let f = fixture();
    let deep = |depth: usize| format!(r#"{{"data": {}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let with_message_id = |id: String| Record { sqs_message_id: id, ..submission(1, "{}") };
    for (case, record, code) in [
        ("an escaped NUL", submission(1, r#"{"data": "\u0000"}"#), "22P05"),
        ("a lone surrogate", submission(1, r#"{"data": "\ud800"}"#), "22P02"),
        ("a number beyond numeric", submission(1, r#"{"data": 1e200000}"#), "22003"),
        ("text that is not JSON", submission(1, r#"{"data": "#), "22P02"),
        ("no text", submission(1, ""), "22P02"),
        ("nesting beyond the stack", submission(1, &deep(1_000_000)), "54001"),
        ("a NUL in the text", submission(1, "{\"data\": \"\0\"}"), "22021"),
        ("a NUL in the message id", with_message_id("a\0b".to_owned()), "22021"),
        ("a long message id", with_message_id("é".repeat(256)), "22001"),
    ] {
        let outcomes = decided(f.store.insert_once(&[record]));
        assert_eq!(refused(&outcomes[0]), code, "{case}");
    }
    assert_eq!(f.rows(), 0);
}

#[test]
fn large_values_are_stored() {
    let f = fixture();
    let records = [
        submission(1, &format!(r#"{{"data": "{}"}}"#, "é".repeat(4 << 20))),
        submission(2, &format!(r#"{{"data": {}}}"#, "9".repeat(1000))),
        submission(3, &format!(r#"{{"data": {}1{}}}"#, "[".repeat(126), "]".repeat(126))),
        Record { sqs_message_id: "é".repeat(255), ..submission(4, "{}") },
    ];
    assert_eq!(decided(f.store.insert_once(&records)), [Stored, Stored, Stored, Stored]);
    assert_eq!(
        f.database.sql("SELECT length(data->>'data') FROM forms WHERE id = 1"),
        (4 << 20).to_string()
    );
    assert_eq!(
        f.database.sql("SELECT data->>'data' FROM forms WHERE sqs_message_id = 'message-0002'"),
        "9".repeat(1000)
    );
}
