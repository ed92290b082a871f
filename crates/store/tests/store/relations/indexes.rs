//! The index of each form type, built while forms are stored.

use std::{thread, time::Duration};

use crate::support::{Fixture, decided, fixture, submission};

use super::form_type;

const INDEX: &str = "SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index
    WHERE indexrelid = '\"forms_of_event-booking\"'::regclass";

fn published() -> Fixture {
    let f = fixture();
    f.store.publish(&[form_type("event-booking", "")]).unwrap();
    f
}

const EXPECTED: &str = "CREATE INDEX \"forms_of_event-booking\" ON public.forms USING btree (id) \
    WHERE ((form_type = 'event-booking'::text) AND (erased_at IS NULL))|t";

#[test]
fn an_index_is_built_once() {
    let f = published();
    assert_eq!(f.store.index_relations().unwrap(), ["event-booking"]);
    assert_eq!(f.database.sql(INDEX), EXPECTED);
    assert_eq!(f.store.index_relations().unwrap(), [""; 0]);
}

#[test]
fn forms_are_stored_while_an_open_transaction_holds_up_an_index() {
    let f = published();
    let writer = f.session_that("BEGIN; INSERT INTO forms (form_type, data) VALUES ('form', '{}')");
    thread::scope(|scope| {
        let building = scope.spawn(|| f.store.index_relations());
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
        assert_eq!(f.store.publish(&[form_type("other", "")]).unwrap(), ["other"]);
        drop(writer);
        assert_eq!(building.join().unwrap().unwrap(), ["event-booking"]);
    });
    assert_eq!(f.store.index_relations().unwrap(), ["other"]);
}

#[test]
fn an_invalid_index_is_dropped_first() {
    let f = published();
    f.store.index_relations().unwrap();
    f.database.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\"forms_of_event-booking\"'::regclass");
    assert_eq!(f.store.index_relations().unwrap(), ["event-booking"]);
    assert_eq!(f.database.sql(INDEX), EXPECTED);
}

#[test]
fn several_processes_build_each_index_once() {
    let f = published();
    let mut built: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..3).map(|_| scope.spawn(|| f.store.index_relations().unwrap())).collect();
        calls.into_iter().flat_map(|call| call.join().unwrap()).collect()
    });
    built.dedup();
    assert_eq!(built, ["event-booking"]);
}
