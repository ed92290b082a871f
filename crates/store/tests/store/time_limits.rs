//! Every call ends in time, however long others lock a row or a table.

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection;
use store::{
    RowOutcome::{Stored, Undecided},
    UnavailableKind::{DeadlinePassed, StatementFailed},
};

use crate::support::{
    decided, fixture, fixture_with, store_on, submission, submissions, unavailable,
};

#[test]
fn a_lock_on_the_table_ends_with_the_statement_timeout() {
    let f = fixture_with(|settings| settings.statement_timeout = Duration::from_millis(300));
    let mut other = f.session_that("BEGIN; LOCK TABLE forms");
    let started = Instant::now();
    let error = unavailable(f.store.insert_once(&submissions(50)));
    assert_eq!(error.kind, StatementFailed);
    assert!(error.message.unwrap().contains("statement timeout"));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(decided(f.store.insert_once(&submissions(1))), [Stored]);
}

#[test]
fn a_call_returns_when_its_time_limit_is_reached() {
    let f = fixture_with(|settings| {
        settings.statement_timeout = Duration::from_secs(1);
        settings.insert_limit = Duration::from_secs(2);
    });
    f.on_insert("IF NEW.submission_id IS NOT NULL THEN PERFORM pg_sleep(0.4); END IF;");
    let started = Instant::now();
    let insertion = f.store.insert_once(&submissions(8));
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    let stored = insertion.outcomes.iter().filter(|outcome| **outcome == Stored).count();
    assert!((1..8).contains(&stored), "{stored}");
    assert!(insertion.outcomes[stored..].iter().all(|outcome| *outcome == Undecided));
    assert!(matches!(insertion.unavailable.unwrap().kind, DeadlinePassed | StatementFailed));
    assert_eq!(f.rows(), stored as u64);
}

/// A row that somebody else has inserted and not committed takes the batch's time, and then its own;
/// what is left is too short for the rows after it.
#[test]
fn a_row_that_waits_too_long_for_another_transaction_is_no_outage() {
    let f = fixture_with(|settings| {
        settings.statement_timeout = Duration::from_secs(1);
        settings.insert_limit = Duration::from_secs(3);
    })
    .for_2016();
    f.on_insert("IF NEW.submission_id IS NOT NULL THEN PERFORM pg_sleep(0.3); END IF;");
    let _open = f.session_that(
        "BEGIN; INSERT INTO forms (sqs_message_id, data) VALUES ('message-0001', '{}')",
    );
    let outcomes = decided(f.store.insert_once(&submissions(8)));
    assert_eq!(outcomes[0], Undecided);
    let stored = outcomes[1..].iter().filter(|outcome| **outcome == Stored).count();
    assert!(stored < 7, "there was time for all of them, so this test shows nothing");
    assert_eq!(f.rows(), stored as u64);
}

#[test]
fn a_connection_returns_to_the_pool_with_its_usual_timeout() {
    let f = fixture_with(|settings| settings.pool_size = 1);
    f.database.sql("CREATE TABLE seen (timeout text)");
    f.on_insert("INSERT INTO seen VALUES (current_setting('statement_timeout'));");
    decided(f.store.insert_once(&submissions(1)));
    // This batch is stored row by row, because its first row is already there.
    decided(f.store.insert_once(&submissions(2)));
    decided(f.store.insert_once(&[submission(3, "{}")]));
    assert_eq!(f.database.sql("SELECT string_agg(timeout, ' ') FROM seen"), "10s 10s 10s 2s 10s");
}

#[test]
fn a_statement_timeout_in_the_url_is_kept() {
    let f = fixture();
    f.database.sql("CREATE TABLE seen (timeout text)");
    f.on_insert("INSERT INTO seen VALUES (current_setting('statement_timeout'));");
    let url = format!("{}?options=-c%20statement_timeout%3D7s", f.database.url());
    let store = store_on(&url, |settings| settings.pool_size = 1);
    decided(store.insert_once(&submissions(1)));
    decided(store.insert_once(&submissions(1)));
    decided(store.insert_once(&[submission(3, "{}")]));
    assert_eq!(f.database.sql("SELECT string_agg(timeout, ' ') FROM seen"), "7s 7s 2s 7s");
}

#[test]
fn a_longer_statement_timeout_in_the_url_does_not_exceed_the_time_of_a_call() {
    for timeout in ["60s", "0", "1h"] {
        let f = fixture();
        let url = format!("{}?options=-c%20statement_timeout%3D{timeout}", f.database.url());
        let store = store_on(&url, |settings| {
            settings.statement_timeout = Duration::from_millis(500);
            settings.insert_limit = Duration::from_secs(1);
        });
        assert_eq!(store.ping(), Ok(()));
        let mut other = f.session_that("BEGIN; LOCK TABLE forms");
        thread::scope(|scope| {
            let (store, started) = (&store, Instant::now());
            let call = scope.spawn(move || (store.insert_once(&submissions(1)), started.elapsed()));
            while !call.is_finished() && started.elapsed() < Duration::from_secs(4) {
                thread::sleep(Duration::from_millis(20));
            }
            other.batch_execute("ROLLBACK").unwrap();
            let (insertion, elapsed) = call.join().unwrap();
            assert!(elapsed < Duration::from_secs(3), "{timeout}: {elapsed:?}");
            assert!(insertion.unavailable.is_some());
        });
    }
}
