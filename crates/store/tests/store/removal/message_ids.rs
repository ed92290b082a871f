//! Whoever erases by the submission id alone also erases what is known by the SQS message ids of its messages.

use store::RowOutcome::{AlreadyStored, Stored};

use super::{DATA, ERASURES, ROWS, erase, erase_call, kept::keep};
use crate::support::{Fixture, decided, fixture, old_message, submission};

/// The insert of the worker of 2016.
fn insert_of_2016(f: &Fixture, message_id: &str) -> Result<(), String> {
    let insert = format!(
        "INSERT INTO form_form (created, data, sqs_message_id) VALUES (now(), '{DATA}', '{message_id}')"
    );
    f.database.try_sql(&insert).map(drop).map_err(|error| error.to_string())
}

#[test]
fn the_worker_of_2016_does_not_bring_back_what_was_erased_by_its_submission_id_alone() {
    let f = fixture().for_2016();
    for (message_id, body) in [("first", DATA), ("posted again", "[]"), ("first", "no JSON")] {
        assert_eq!(keep(&f, Some(1), message_id, body), "kept");
    }
    decided(f.store.insert_once(&[submission(2, DATA)]));
    assert_eq!(keep(&f, Some(2), "message-0002", "[]"), "kept");
    for id in [1, 2] {
        assert_eq!(f.database.sql(&erase_call(Some(id), None)), "erased");
        let (rows, erasures) = (f.database.sql(ROWS), f.database.sql(ERASURES));
        for message_id in ["first", "posted again", "message-0002"] {
            let refusal = insert_of_2016(&f, message_id).unwrap_err();
            assert!(refusal.contains("violates unique constraint"), "{refusal}");
        }
        assert_eq!(f.database.sql(&erase_call(Some(id), None)), "already_erased");
        assert_eq!((f.database.sql(ROWS), f.database.sql(ERASURES)), (rows, erasures));
    }
    assert_eq!(
        f.database.sql("SELECT submission_id, sqs_message_id, data, erased_at IS NOT NULL FROM forms ORDER BY sqs_message_id"),
        "|first|null|t\n\
         00000000-0000-0000-0000-000000000002|message-0002|null|t\n\
         |posted again|null|t\n\
         00000000-0000-0000-0000-000000000001||null|t"
    );
    // Readers learn of each row.
    assert_eq!(f.database.sql("SELECT count(*), count(submission_id) FROM erasures"), "4|4");
}

#[test]
fn a_late_copy_under_another_message_id_is_recognised_even_without_its_submission_id() {
    let f = fixture();
    assert_eq!(keep(&f, Some(1), "first", "[]"), "kept");
    assert_eq!(keep(&f, Some(1), "posted again", "{"), "kept");
    assert_eq!(f.database.sql(&erase_call(Some(1), None)), "erased");
    for message_id in ["first", "posted again"] {
        assert_eq!(keep(&f, None, message_id, "["), "erased");
        assert_eq!(f.database.sql(&format!("SELECT is_erased(NULL, '{message_id}')")), "t");
    }
}

#[test]
fn a_row_that_the_worker_of_2016_made_of_a_kept_message_is_erased_with_it_and_no_other_row() {
    let f = fixture().for_2016();
    assert_eq!(keep(&f, Some(1), "message-0001", DATA), "kept");
    // Somebody has given it the message id of another submission.
    assert_eq!(keep(&f, Some(1), "message-0002", &DATA.replace(':', " :")), "kept");
    assert_eq!(keep(&f, Some(1), "message-0003", "no JSON"), "kept");
    let others = [old_message(2, r#"{"data": "of another person"}"#), old_message(3, "{}")];
    decided(f.store.insert_once(&others));
    assert_eq!(insert_of_2016(&f, "message-0001"), Ok(()));
    assert_eq!(f.database.sql(&erase_call(Some(1), None)), "erased");
    assert_eq!(
        f.database
            .sql("SELECT submission_id, sqs_message_id, data FROM forms ORDER BY sqs_message_id"),
        "|message-0001|null\n\
         |message-0002|{\"data\": \"of another person\"}\n\
         |message-0003|{}\n\
         00000000-0000-0000-0000-000000000001||null"
    );
}

#[test]
fn a_late_copy_that_has_lost_its_submission_id_is_not_kept() {
    let f = fixture().for_2016();
    erase(&f, 1);
    assert_eq!(keep(&f, None, "message-0001", "{"), "erased");
    // One that was stored and not erased is known in the same way.
    assert_eq!(decided(f.store.insert_once(&[submission(2, DATA)])), [Stored]);
    assert_eq!(keep(&f, None, "message-0002", DATA), "stored");
    assert_eq!(decided(f.store.insert_once(&[old_message(1, DATA)])), [AlreadyStored]);
}

/// Asking is a function call of its own that PostgreSQL would plan anew for each row.
#[test]
fn the_index_on_message_ids_is_looked_up_once_per_statement() {
    let f = fixture();
    let of_each = "FROM generate_series(1, 50) AS n";
    for ask in [
        "is_erased(gen_random_uuid(), 'm' || n)",
        "store_submission('form', gen_random_uuid(), 'same', NULL, '{}', NULL, NULL)",
    ] {
        let calls = f.database.sql(&format!(
            "BEGIN; SET LOCAL track_functions = 'all'; SELECT count({ask}) {of_each};
             SELECT coalesce(sum(calls), 0) FROM pg_stat_xact_user_functions WHERE funcname = 'message_ids_are_unique'; COMMIT"
        ));
        assert_eq!(calls, "50\n0", "{ask}");
    }
    let plan = f.database.sql(&format!(
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT {of_each}, forms_with_ids(gen_random_uuid(), 'm' || n)"
    ));
    let lookup = plan.lines().find(|line| line.contains("pg_index")).unwrap_or(&plan);
    assert!(lookup.contains("loops=1)"), "{plan}");
}
