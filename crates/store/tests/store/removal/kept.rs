//! Messages that were kept because they are invalid lose their content with their submission.

use std::thread;

use diesel::connection::SimpleConnection;
use store::RowOutcome::AlreadyStored;
use uuid::Uuid;

use super::{DATA, ERASURES, erase, erase_call};
use crate::support::{Fixture, decided, fixture, submission};

/// Everything of a kept message that could hold form data.
pub const KEPT: &str =
    "SELECT sqs_message_id, convert_from(body, 'UTF8'), convert_from(attributes, 'UTF8'), state,
    erased_at IS NOT NULL FROM invalid_messages ORDER BY id";

fn keep_call(submission_id: Option<u128>, message_id: &str, body: &str) -> String {
    let submission_id =
        submission_id.map_or("NULL".to_owned(), |id| format!("'{}'", Uuid::from_u128(id)));
    format!(
        "SELECT keep_invalid('form', {submission_id}, '{message_id}', '{body}', '{{}}', 'not_json', NULL)"
    )
}

pub fn keep(f: &Fixture, submission_id: Option<u128>, message_id: &str, body: &str) -> String {
    f.database.sql(&keep_call(submission_id, message_id, body))
}

#[test]
fn every_kept_message_of_the_submission_is_emptied_and_no_other() {
    let f = fixture();
    for (submission_id, message_id, body) in [
        (Some(1), "message-0001", "one"),
        (Some(1), "message-0001", "another body"),
        (Some(1), "posted again", "yet another body"),
        (None, "message-0001", "without its id"),
        (Some(2), "message-0002", "of another person"),
        (None, "message-0003", "of another person"),
    ] {
        assert_eq!(keep(&f, submission_id, message_id, body), "kept");
    }
    assert_eq!(erase(&f, 1), "erased");
    assert_eq!(
        f.database.sql(KEPT),
        "message-0001|||discarded|t\nmessage-0001|||discarded|t\nposted again|||discarded|t\nmessage-0001|||discarded|t\n\
         message-0002|of another person|{}|waiting|f\nmessage-0003|of another person|{}|waiting|f"
    );
    // One for each of its message ids.
    assert_eq!(
        f.database.sql("SELECT string_agg(sqs_message_id, ', ' ORDER BY id) FROM erasures"),
        "message-0001, posted again"
    );
    assert_eq!(erase(&f, 1), "already_erased");
}

#[test]
fn a_message_that_was_only_ever_invalid_is_erased_and_never_kept_again() {
    let f = fixture();
    assert_eq!(keep(&f, None, "message-0001", "not JSON"), "kept");
    assert_eq!(f.database.sql(&erase_call(None, Some("message-0001"))), "erased");
    assert_eq!(f.database.sql(ERASURES), "form|1||message-0001|request");
    for body in ["not JSON", "another body"] {
        assert_eq!(keep(&f, None, "message-0001", body), "erased");
    }
    assert_eq!(f.database.sql(KEPT), "message-0001|||discarded|t");
    // A correction of it is not stored either.
    assert_eq!(
        decided(f.store.insert_once(&[crate::support::old_message(1, DATA)])),
        [AlreadyStored]
    );
}

#[test]
fn a_row_and_its_kept_message_are_erased_together() {
    let f = fixture().for_2016();
    decided(f.store.insert_once(&[submission(1, DATA)]));
    assert_eq!(keep(&f, Some(1), "message-0001", "not the same"), "kept");
    // By either id alone, because the row has both.
    assert_eq!(f.database.sql(&erase_call(None, Some("message-0001"))), "erased");
    assert_eq!(f.database.sql(KEPT), "message-0001|||discarded|t");
}

#[test]
fn a_message_that_is_kept_while_it_is_erased_leaves_no_content() {
    let keep = &keep_call(Some(1), "message-0001", "not JSON");
    let by_submission_id = &erase_call(Some(1), None);
    let by_message_id = &erase_call(None, Some("message-0001"));
    for (first, second) in [
        (keep, by_submission_id),
        (by_submission_id, keep),
        (keep, by_message_id),
        (by_message_id, keep),
    ] {
        for end in ["COMMIT", "ROLLBACK"] {
            let f = fixture();
            let mut open = f.session_that(&format!("BEGIN; {first}"));
            thread::scope(|scope| {
                let other = scope.spawn(|| f.session_that(second));
                f.wait_for_blocked();
                open.batch_execute(end).unwrap();
                other.join().unwrap();
            });
            // One of the two is rolled back, or nothing is left.
            let kept_alone = second == keep && end == "ROLLBACK";
            let content = f.database.sql("SELECT count(*) FROM invalid_messages WHERE body <> ''");
            assert_eq!(content, if kept_alone { "1" } else { "0" }, "{first} {end}");
        }
    }
}
