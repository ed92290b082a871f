//! PostgreSQL is not next door: each round trip takes its time.

use std::time::{Duration, Instant};

use domain::Record;
use store::RowOutcome::{AlreadyStored, IdTaken, Stored};

use crate::support::{Fixture, decided, fixture, old_message, refused, submission, submissions};

const DELAY: Duration = Duration::from_millis(15);

/// What a batch costs on a connection that has done the same before: the outcomes are the caller's
/// to check.
fn round_trips(f: &Fixture, batch: &[Record]) -> (Vec<store::RowOutcome>, usize, Duration) {
    let (store, network) = f.far_away(DELAY);
    // Opens the connection and prepares the statements.
    let other = [submission(90_001, "{}"), submission(90_002, "no json")];
    decided(store.insert_once(&other));
    decided(store.insert_once(&other));
    let (before, started) = (network.round_trips(), Instant::now());
    let outcomes = decided(store.insert_once(batch));
    (outcomes, network.round_trips() - before, started.elapsed())
}

#[test]
fn five_hundred_duplicates_are_settled_with_one_statement() {
    let f = fixture();
    let batch = submissions(500);
    decided(f.store.insert_once(&batch));
    let (outcomes, round_trips, duration) = round_trips(&f, &batch);
    println!("500 duplicates: {round_trips} round trips, {duration:?}");
    assert!(outcomes.iter().all(|outcome| *outcome == AlreadyStored));
    // The pool asks the connection whether it is alive; then one to insert and one to settle.
    assert!(round_trips <= 3, "{round_trips} round trips");
    assert!(duration < Duration::from_secs(4), "{duration:?}");
}

#[test]
fn a_batch_with_rows_of_every_kind_is_settled_with_one_statement() {
    let f = fixture();
    decided(f.store.insert_once(&submissions(100)));
    let mut batch = submissions(300);
    batch[50].data = "{}".to_owned();
    batch[250].data = r#"{"data": "\u0000"}"#.to_owned();
    batch.push(submission(150, r#"{"data": 150}"#));
    batch.push(submission(151, "{}"));
    batch.push(old_message(400, "{}"));
    batch.push(old_message(400, "{}"));
    let (outcomes, round_trips, duration) = round_trips(&f, &batch);
    println!("304 rows of every kind: {round_trips} round trips, {duration:?}");
    assert_eq!(outcomes[50], IdTaken);
    assert_eq!(refused(&outcomes[250]), "22P05");
    assert_eq!(outcomes[149..151], [Stored, Stored]);
    assert_eq!(outcomes[300..304], [AlreadyStored, IdTaken, Stored, AlreadyStored]);
    assert!(outcomes[..50].iter().all(|outcome| *outcome == AlreadyStored));
    assert!(outcomes[100..250].iter().all(|outcome| *outcome == Stored));
    assert!(outcomes[251..300].iter().all(|outcome| *outcome == Stored));
    assert!(round_trips <= 3, "{round_trips} round trips");
    assert_eq!(f.rows(), 299 + 1 + 1);
}

#[test]
fn fresh_rows_need_one_statement() {
    let f = fixture();
    let (outcomes, round_trips, _) = round_trips(&f, &submissions(500));
    assert!(outcomes.iter().all(|outcome| *outcome == Stored));
    assert_eq!(round_trips, 2);
}
