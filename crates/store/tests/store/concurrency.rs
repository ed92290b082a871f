//! Several workers and sessions use the same rows.

use std::thread;

use diesel::connection::SimpleConnection;
use store::RowOutcome::{self, AlreadyStored, IdTaken, Stored, Undecided};

use crate::support::{decided, fixture, fixture_with, submission, submissions};

#[test]
fn eight_workers_with_the_same_rows_store_each_once() {
    let f = fixture_with(|settings| settings.pool_size = 8);
    let mut backwards = submissions(200);
    backwards.reverse();
    let forwards = submissions(200);
    let all: Vec<Vec<RowOutcome>> = thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|n| {
                let (store, records) = (&f.store, if n % 2 == 0 { &forwards } else { &backwards });
                scope.spawn(move || {
                    records.chunks(50).flat_map(|batch| decided(store.insert_once(batch))).collect()
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let count =
        |wanted: &RowOutcome| all.iter().flatten().filter(|outcome| *outcome == wanted).count();
    assert_eq!((count(&Stored), count(&AlreadyStored)), (200, 1400));
    assert_eq!(f.rows(), 200);
}

#[test]
fn a_row_that_is_committed_while_we_wait_for_it_counts_as_stored() {
    let f = fixture().for_2016();
    let mut other = f.session_that(
        "BEGIN; INSERT INTO forms (sqs_message_id, data) VALUES ('message-0001', '{}'), ('message-0002', '[]')",
    );
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            f.store.insert_once(&[submission(1, "{}"), submission(2, "{}"), submission(3, "{}")])
        });
        f.wait_for_blocked();
        other.batch_execute("COMMIT").unwrap();
        assert_eq!(decided(call.join().unwrap()), [AlreadyStored, IdTaken, Stored]);
    });
}

#[test]
fn a_row_that_is_rolled_back_while_we_wait_for_it_is_stored_by_us() {
    let f = fixture().for_2016();
    let mut other = f.session_that(
        "BEGIN; INSERT INTO forms (sqs_message_id, data) VALUES ('message-0001', '{}')",
    );
    thread::scope(|scope| {
        let call = scope.spawn(|| f.store.insert_once(&[submission(1, "{}")]));
        f.wait_for_blocked();
        other.batch_execute("ROLLBACK").unwrap();
        assert_eq!(decided(call.join().unwrap()), [Stored]);
    });
}

#[test]
fn a_row_that_is_deleted_between_conflict_and_lookup_is_stored() {
    let f = fixture();
    decided(f.store.insert_once(&[submission(1, "{}")]));
    // The batch is the first insert, store_form's the second. When the second insert meets the row,
    // the trigger deletes the row and skips the insert, as ON CONFLICT DO NOTHING would.
    f.on_insert("IF nextval('attempts') = 2 THEN DELETE FROM forms; RETURN NULL; END IF;");
    assert_eq!(decided(f.store.insert_once(&[submission(1, "{}")])), [Stored]);
    assert_eq!(f.rows(), 1);
}

#[test]
fn a_deadlock_is_retried_at_once() {
    let f = fixture().for_2016();
    // The other session never looks for deadlocks, so PostgreSQL ends the store's statement.
    let mut other = f.session_that(
        "SET deadlock_timeout = '1h'; BEGIN; INSERT INTO forms (sqs_message_id, data) VALUES ('message-0002', '{}')",
    );
    thread::scope(|scope| {
        let call = scope.spawn(|| f.store.insert_once(&submissions(3)));
        f.wait_for_blocked();
        // This waits for the store's first row, while the store waits for this session's row.
        let first =
            "INSERT INTO forms (sqs_message_id, data) VALUES ('message-0001', '{\"data\": 1}')";
        other.batch_execute(&format!("{first} ON CONFLICT DO NOTHING; COMMIT")).unwrap();
        let outcomes = decided(call.join().unwrap());
        // When PostgreSQL has ended the batch, either session can be the first to insert the first
        // row.
        assert!(matches!(outcomes[0], Stored | AlreadyStored), "{outcomes:?}");
        assert_eq!(outcomes[1..], [IdTaken, Stored]);
    });
    assert_eq!(f.rows(), 3);
    f.wait_for("SELECT deadlocks = 1 FROM pg_stat_database WHERE datname = current_database()");
}

#[test]
fn a_serialisation_failure_is_retried_twice() {
    for (failures, expected) in [(0, Stored), (1, Stored), (2, Stored), (4, Stored), (5, Undecided)]
    {
        let f = fixture();
        // The first failure fails the batch and the second the statement that settles it; the next
        // ones are retries of the row.
        f.on_insert(&format!(
            "IF NEW.sqs_message_id = 'message-0002' AND nextval('attempts') <= {failures} THEN \
                 RAISE EXCEPTION 'try again' USING ERRCODE = 'serialization_failure'; \
             END IF;"
        ));
        let outcomes = decided(f.store.insert_once(&submissions(3)));
        assert_eq!(outcomes, [Stored, expected, Stored], "{failures} failures");
    }
}

#[test]
fn every_isolation_level_works() {
    for level in ["repeatable read", "serializable"] {
        let f = fixture_with(|settings| settings.pool_size = 4);
        f.database.sql(&format!(
            "ALTER DATABASE {} SET default_transaction_isolation = '{level}'",
            f.database.name()
        ));
        let records = submissions(20);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for batch in records.chunks(5) {
                        let outcomes = decided(f.store.insert_once(batch));
                        assert!(
                            outcomes.iter().all(|o| matches!(o, Stored | AlreadyStored)),
                            "{level} {outcomes:?}"
                        );
                    }
                });
            }
        });
        assert_eq!(f.rows(), 20, "{level}");
    }
}
