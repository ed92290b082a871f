//! The index of each form type, built while forms are stored.

use std::{thread, time::Duration};

use store::{FinishMoveError, MessageIds};

use crate::support::{Fixture, decided, fixture, submission};

use super::form_type;

const INDEX: &str = "SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index
    WHERE indexrelid = '\"forms_of_event-booking\"'::regclass";

fn published() -> Fixture {
    let f = fixture();
    f.publish(&[form_type("event-booking", "")]);
    f
}

const EXPECTED: &str = "CREATE INDEX \"forms_of_event-booking\" ON public.forms USING btree (id) \
    WHERE ((form_type = 'event-booking'::text) AND (erased_at IS NULL))|t";

#[test]
fn an_index_is_built_once() {
    let f = published();
    assert_eq!(f.index(), ["event-booking"]);
    assert_eq!(f.database.sql(INDEX), EXPECTED);
    assert_eq!(f.index(), [""; 0]);
}

#[test]
fn forms_are_stored_while_an_open_transaction_holds_up_an_index() {
    let f = published();
    let writer = f.session_that("BEGIN; INSERT INTO forms (form_type, data) VALUES ('form', '{}')");
    thread::scope(|scope| {
        let building = scope.spawn(|| f.index());
        f.wait_for(
            "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'",
        );
        for n in 0..20 {
            let started = std::time::Instant::now();
            decided(f.store.insert_once(&[submission(n, "{}")]));
            assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        }
        assert!(!building.is_finished());
        // Neither a migration nor a view waits for it.
        assert_eq!(f.store.migrate(), Ok(vec![]));
        assert_eq!(f.publish(&[form_type("other", "")]), ["other"]);
        drop(writer);
        assert_eq!(building.join().unwrap(), ["event-booking"]);
    });
    assert_eq!(f.index(), ["other"]);
}

#[test]
fn an_invalid_index_is_dropped_first() {
    let f = published();
    f.index();
    f.database.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\"forms_of_event-booking\"'::regclass");
    assert_eq!(f.index(), ["event-booking"]);
    assert_eq!(f.database.sql(INDEX), EXPECTED);
}

#[test]
fn the_end_of_the_move_and_the_index_of_a_form_type_are_not_built_at_the_same_time() {
    let f = published().for_2016();
    let writer = f.session_that("BEGIN; INSERT INTO forms (form_type, data) VALUES ('form', '{}')");
    thread::scope(|scope| {
        let building = scope.spawn(|| f.index());
        f.wait_for(
            "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'",
        );
        // Otherwise they would deadlock.
        let finish = || f.store.index_message_ids(MessageIds::OfRowsWithoutSubmissionId);
        assert_eq!(finish(), Err(FinishMoveError::Locked));
        drop(writer);
        assert_eq!(building.join().unwrap(), ["event-booking"]);
        assert_eq!(finish(), Ok(()));
    });
}

#[test]
fn several_processes_build_each_index_once() {
    let f = published();
    let mut built: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..3).map(|_| scope.spawn(|| f.index())).collect();
        calls.into_iter().flat_map(|call| call.join().unwrap()).collect()
    });
    built.dedup();
    assert_eq!(built, ["event-booking"]);
}
