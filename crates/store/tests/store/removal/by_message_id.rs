//! To erase by the SQS message id alone erases each submission that has it, with either index.

use domain::Record;
use store::{
    MessageIds,
    RowOutcome::{AlreadyStored, IdTaken, Stored},
};
use uuid::Uuid;

use super::{
    DATA, ERASURES, ROWS, erase, erase_call,
    kept::{KEPT, keep},
};
use crate::support::{Fixture, decided, fixture, old_message, submission};

fn with_either_index() -> [(&'static str, Fixture); 2] {
    [("the small index", fixture()), ("the index of all rows", fixture().for_2016())]
}

fn erase_message(f: &Fixture, message_id: &str) -> String {
    f.database.sql(&erase_call(None, Some(message_id)))
}

/// Whoever repeats the call learns that nothing is left.
fn a_second_call_changes_nothing(f: &Fixture, message_id: &str, index: &str) {
    let before = (f.database.sql(ROWS), f.database.sql(ERASURES));
    assert_eq!(erase_message(f, message_id), "already_erased", "{index}");
    assert_eq!((f.database.sql(ROWS), f.database.sql(ERASURES)), before, "{index}");
}

#[test]
fn a_row_with_a_submission_id_is_erased_by_its_message_id() {
    for (index, f) in with_either_index() {
        decided(f.store.insert_once(&[submission(1, DATA), submission(2, DATA)]));
        assert_eq!(erase_message(&f, "message-0001"), "erased");
        assert_eq!(
            f.database.sql("SELECT id, submission_id, sqs_message_id, data FROM forms ORDER BY id"),
            "1|00000000-0000-0000-0000-000000000001|message-0001|null\n\
             2|00000000-0000-0000-0000-000000000002|message-0002|{\"data\": \"of a person\"}",
            "{index}"
        );
        assert_eq!(
            f.database.sql(ERASURES),
            "form|1|00000000-0000-0000-0000-000000000001|message-0001|request",
            "{index}"
        );
        a_second_call_changes_nothing(&f, "message-0001", index);
        let posted_again =
            Record { sqs_message_id: "posted again".to_owned(), ..submission(1, DATA) };
        for arrival in [submission(1, DATA), posted_again] {
            assert_eq!(decided(f.store.insert_once(&[arrival])), [AlreadyStored], "{index}");
        }
        assert_eq!(keep(&f, Some(1), "message-0001", "{"), "erased");
    }
}

#[test]
fn messages_that_were_kept_with_a_submission_id_are_erased_by_their_message_id() {
    for (index, f) in with_either_index() {
        for (submission_id, message_id, body) in [
            (Some(1), "message-0001", DATA),
            (None, "message-0001", "without its id"),
            (Some(1), "posted again", "another body"),
            (Some(2), "message-0002", "of another person"),
        ] {
            assert_eq!(keep(&f, submission_id, message_id, body), "kept");
        }
        assert_eq!(erase_message(&f, "message-0001"), "erased");
        assert_eq!(
            f.database.sql(KEPT),
            "message-0001|||discarded|t\nmessage-0001|||discarded|t\nposted again|||discarded|t\n\
             message-0002|of another person|{}|waiting|f",
            "{index}"
        );
        a_second_call_changes_nothing(&f, "message-0001", index);
        for (submission_id, message_id) in
            [(Some(1), "message-0001"), (None, "message-0001"), (Some(1), "yet another message")]
        {
            assert_eq!(keep(&f, submission_id, message_id, "[]"), "erased", "{index}");
        }
        // Sent back before it was erased.
        assert_eq!(decided(f.store.insert_once(&[submission(1, DATA)])), [AlreadyStored]);
        assert_eq!(f.database.sql("SELECT count(*) FROM forms WHERE data <> 'null'"), "0");
    }
}

#[test]
fn a_stored_submission_is_erased_by_the_message_id_of_a_copy_that_was_kept() {
    for (index, f) in with_either_index() {
        decided(f.store.insert_once(&[submission(1, DATA)]));
        assert_eq!(keep(&f, Some(1), "posted again", "{"), "kept");
        assert_eq!(erase_message(&f, "posted again"), "erased");
        assert_eq!(f.database.sql("SELECT count(*) FROM forms WHERE data <> 'null'"), "0");
        assert_eq!(f.database.sql(KEPT), "posted again|||discarded|t", "{index}");
        a_second_call_changes_nothing(&f, "posted again", index);
    }
}

#[test]
fn a_row_of_another_form_type_is_not_erased_by_its_message_id() {
    for (index, f) in with_either_index() {
        let other = Record { form_type: "enrolment".to_owned(), ..submission(1, DATA) };
        decided(f.store.insert_once(&[other]));
        let error =
            f.database.try_sql(&erase_call(None, Some("message-0001"))).unwrap_err().to_string();
        assert!(error.contains("is not of the form type form"), "{index}: {error}");
    }
}

/// Its submission id is known, so a message with another one is another submission.
#[test]
fn a_made_up_message_id_of_an_erased_row_does_not_make_a_form_disappear() {
    for ((_, f), expected) in with_either_index().into_iter().zip([Stored, IdTaken]) {
        decided(f.store.insert_once(&[submission(1, DATA)]));
        assert_eq!(erase_message(&f, "message-0001"), "erased");
        let made_up = Record { submission_id: Some(Uuid::from_u128(9)), ..submission(1, DATA) };
        assert_eq!(decided(f.store.insert_once(&[made_up])), [expected]);
    }
}

#[test]
fn erasing_leaves_no_message_id_in_two_rows_so_the_index_of_all_rows_can_come_back() {
    let f = fixture();
    decided(f.store.insert_once(&[submission(1, DATA), old_message(2, DATA)]));
    assert_eq!(keep(&f, Some(3), "message-0003", "{"), "kept");
    assert_eq!(keep(&f, None, "message-0003", "["), "kept");
    for message_id in ["message-0001", "message-0003"] {
        assert_eq!(erase_message(&f, message_id), "erased");
    }
    erase(&f, 2);
    assert_eq!(f.store.index_message_ids(MessageIds::OfAllRows), Ok(()));
}
