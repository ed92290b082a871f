//! A submission is erased while it is stored: no order of the two leaves its content.

use std::thread;

use diesel::{PgConnection, RunQueryDsl, connection::SimpleConnection, dsl::sql, sql_types::Text};
use domain::Record;
use store::RowOutcome::{AlreadyStored, Stored};

use super::{DATA, ROWS, erase_call};
use crate::support::{Fixture, decided, fixture, fixture_with, old_message, submission};

const CONTENT: &str =
    "SELECT (SELECT count(*) FROM forms WHERE data <> 'null'), (SELECT count(*) FROM erasures)";

fn call(session: &mut PgConnection, statement: &str) -> String {
    let expression = statement.strip_prefix("SELECT ").unwrap();
    diesel::select(sql::<Text>(expression)).get_result(session).unwrap()
}

/// A submission that is stored, the ids by which it is erased, and the number of rows afterwards.
fn cases() -> Vec<(Record, Option<u128>, Option<&'static str>, u64)> {
    let posted_again = Record { sqs_message_id: "posted again".to_owned(), ..submission(1, DATA) };
    vec![
        (submission(1, DATA), Some(1), Some("message-0001"), 1),
        (submission(1, DATA), Some(1), None, 1),
        (submission(1, DATA), None, Some("message-0001"), 1),
        (posted_again, Some(1), Some("message-0001"), 1),
        (old_message(1, DATA), None, Some("message-0001"), 1),
        // The worker of 2016 stores it without its submission id.
        (old_message(1, DATA), Some(1), Some("message-0001"), 2),
    ]
}

fn insert(record: &Record) -> String {
    let id = record.submission_id.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    format!(
        "BEGIN; INSERT INTO forms (form_type, submission_id, sqs_message_id, data) \
         VALUES ('form', {id}, '{}', '{DATA}')",
        record.sqs_message_id
    )
}

#[test]
fn what_is_inserted_first_is_emptied_when_it_is_committed() {
    for (record, submission_id, message_id, rows) in cases() {
        let f = fixture().for_2016();
        let mut writer = f.session_that(&insert(&record));
        let mut eraser = f.session();
        let erase = erase_call(submission_id, message_id);
        thread::scope(|scope| {
            let erased = scope.spawn(|| call(&mut eraser, &erase));
            f.wait_for_blocked();
            writer.batch_execute("COMMIT").unwrap();
            assert_eq!(erased.join().unwrap(), "erased", "{record:?} {erase}");
        });
        assert_eq!(f.database.sql(CONTENT), format!("0|{rows}"), "{record:?} {erase}");
        assert_eq!(f.rows(), rows, "{record:?} {erase}");
        assert_eq!(decided(f.store.insert_once(&[record])), [AlreadyStored]);
    }
}

#[test]
fn what_is_inserted_first_and_rolled_back_leaves_a_tombstone() {
    for (record, submission_id, message_id, _) in cases() {
        let f = fixture().for_2016();
        let mut writer = f.session_that(&insert(&record));
        let mut eraser = f.session();
        let erase = erase_call(submission_id, message_id);
        thread::scope(|scope| {
            let erased = scope.spawn(|| call(&mut eraser, &erase));
            f.wait_for_blocked();
            writer.batch_execute("ROLLBACK").unwrap();
            assert_eq!(erased.join().unwrap(), "erased", "{record:?} {erase}");
        });
        assert_eq!(f.database.sql(CONTENT), "0|1", "{record:?} {erase}");
        assert_eq!(decided(f.store.insert_once(&[record])), [AlreadyStored]);
    }
}

#[test]
fn what_is_erased_first_is_already_stored_when_the_erasure_is_committed() {
    for (end, outcome, content) in [("COMMIT", AlreadyStored, "0|1"), ("ROLLBACK", Stored, "1|0")] {
        for (record, submission_id, message_id, _) in cases() {
            let f = fixture().for_2016();
            let erase = erase_call(submission_id, message_id);
            let mut eraser = f.session_that(&format!("BEGIN; {erase}"));
            thread::scope(|scope| {
                let stored = scope.spawn(|| f.store.insert_once(std::slice::from_ref(&record)));
                f.wait_for_blocked();
                eraser.batch_execute(end).unwrap();
                let outcomes = decided(stored.join().unwrap());
                assert_eq!(outcomes, std::slice::from_ref(&outcome), "{record:?} {erase}");
            });
            assert_eq!(f.database.sql(CONTENT), content, "{record:?} {erase}");
        }
    }
}

#[test]
fn two_sessions_that_erase_the_same_submission_add_one_row() {
    let f = fixture();
    let erase = erase_call(Some(1), Some("message-0001"));
    let mut first = f.session_that(&format!("BEGIN; {erase}"));
    let mut second = f.session();
    thread::scope(|scope| {
        let answer = scope.spawn(|| call(&mut second, &erase));
        f.wait_for_blocked();
        first.batch_execute("COMMIT").unwrap();
        assert_eq!(answer.join().unwrap(), "already_erased");
    });
    assert_eq!(f.database.sql(CONTENT), "0|1");
}

/// Workers store the same submissions again and again while each of them is erased.
#[test]
fn nothing_is_left_of_submissions_that_are_erased_while_workers_store_them() {
    const COUNT: u128 = 200;
    let f = fixture_with(|settings| settings.pool_size = 4);
    let records: Vec<Record> = (1..=COUNT).map(|n| submission(n, DATA)).collect();
    let posted_again =
        |n: u128| Record { sqs_message_id: format!("posted-again-{n}"), ..submission(n, DATA) };
    thread::scope(|scope| {
        for worker in 0..2 {
            let (f, records) = (&f, &records);
            scope.spawn(move || {
                for round in 0..10 {
                    for batch in records.chunks(20) {
                        let batch: Vec<Record> = if (worker + round) % 2 == 0 {
                            batch.to_vec()
                        } else {
                            let ids = batch.iter().filter_map(|record| record.submission_id);
                            ids.map(|id| posted_again(id.as_u128())).collect()
                        };
                        for outcome in decided(f.store.insert_once(&batch)) {
                            assert!(matches!(outcome, Stored | AlreadyStored), "{outcome:?}");
                        }
                    }
                }
            });
        }
        let f = &f;
        scope.spawn(move || erase_each(f, COUNT));
    });
    assert_eq!(f.database.sql(CONTENT), format!("0|{COUNT}"), "{}", f.database.sql(ROWS));
}

fn erase_each(f: &Fixture, count: u128) {
    let mut session = f.session();
    for n in 1..=count {
        let message_id = format!("message-{n:04}");
        assert_eq!(call(&mut session, &erase_call(Some(n), Some(&message_id))), "erased");
    }
}
