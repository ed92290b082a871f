//! PgBouncer between the store and PostgreSQL.

use std::{
    thread,
    time::{Duration, Instant},
};

use store::{
    MigrateError,
    RowOutcome::{AlreadyStored, Stored},
    SchemaState, Store, StoreSettings,
    UnavailableKind::ReadOnly,
};
use test_kit::postgres::PgBouncer;

use crate::support::{Fixture, decided, fixture, refused, store_on, submission, submissions};

fn through(pooler: &PgBouncer, adjust: impl FnOnce(&mut StoreSettings)) -> Store {
    store_on(&pooler.url(), |settings| {
        settings.transaction_pooling = true;
        adjust(settings);
    })
}

fn fixture_and_pooler() -> (Fixture, PgBouncer) {
    let f = fixture();
    let pooler = PgBouncer::before(&f.database.url(), "transaction");
    (f, pooler)
}

#[test]
fn eight_callers_share_two_connections_of_a_pooler_and_each_row_is_stored_once() {
    let (f, pooler) = fixture_and_pooler();
    let store = through(&pooler, |settings| settings.pool_size = 8);
    let records = submissions(200);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for batch in records.chunks(10) {
                    for outcome in decided(store.insert_once(batch)) {
                        assert!(matches!(outcome, Stored | AlreadyStored), "{outcome:?}");
                    }
                    assert_eq!(store.probe(), Ok(()));
                }
            });
        }
    });
    assert_eq!(f.rows(), 200);
    assert_eq!(store.ping(), Ok(()));
    assert_eq!(store.schema_state(), Ok(SchemaState::Current));
    assert!(store.durability().is_ok());
    assert!(store.advance_watermark().is_ok());
    assert_eq!(store.probe(), Ok(()));
    assert_eq!(f.rows(), 200);
}

#[test]
fn bad_rows_do_not_stop_the_others_behind_a_pooler() {
    let (f, pooler) = fixture_and_pooler();
    let store = through(&pooler, |_| {});
    let mut records = submissions(50);
    records[20].data = "no json".to_owned();
    let outcomes = decided(store.insert_once(&records));
    assert_eq!(refused(&outcomes[20]), "22P02");
    assert_eq!(f.rows(), 49);
    f.on_insert(
        "IF NEW.sqs_message_id = 'message-0060' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'internal_error'; END IF;",
    );
    let outcomes = decided(store.insert_once(&[
        submission(59, "{}"),
        submission(60, "{}"),
        submission(61, "{}"),
    ]));
    assert_eq!((&outcomes[0], &outcomes[2]), (&Stored, &Stored));
}

#[test]
fn the_timeout_holds_for_our_statements_and_for_no_other_client_of_the_pooler() {
    let (f, pooler) = fixture_and_pooler();
    let store = through(&pooler, |settings| {
        settings.statement_timeout = Duration::from_millis(700);
    });
    f.database.sql("CREATE TABLE seen (timeout text)");
    f.on_insert("INSERT INTO seen VALUES (current_setting('statement_timeout'));");
    decided(store.insert_once(&submissions(1)));
    assert_eq!(f.database.sql("SELECT DISTINCT timeout FROM seen"), "700ms");
    // Another client gets the same connections of the pooler.
    for _ in 0..4 {
        let shown = test_kit::postgres::sql(&pooler.url(), "SHOW statement_timeout").unwrap();
        assert_eq!(shown, "0");
    }
    let mut other = f.session_that("BEGIN; LOCK TABLE forms");
    let started = Instant::now();
    let insertion = store.insert_once(&submissions(2));
    assert!(insertion.unavailable.unwrap().message.unwrap().contains("statement timeout"));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    diesel::connection::SimpleConnection::batch_execute(&mut other, "ROLLBACK").unwrap();
    assert_eq!(decided(store.insert_once(&submissions(2))), [AlreadyStored, Stored]);
}

#[test]
fn a_commit_behind_a_pooler_waits_for_the_disk() {
    let (f, pooler) = fixture_and_pooler();
    let name = f.database.name();
    f.database.sql(&format!(
        "ALTER DATABASE {name} SET synchronous_commit = off; CREATE TABLE seen (value text)"
    ));
    f.on_insert("INSERT INTO seen VALUES (current_setting('synchronous_commit'));");
    decided(through(&pooler, |_| {}).insert_once(&submissions(1)));
    assert_eq!(f.database.sql("SELECT DISTINCT value FROM seen"), "on");
}

#[test]
fn a_read_only_connection_of_the_pooler_is_not_used_again() {
    let (f, pooler) = fixture_and_pooler();
    let store = through(&pooler, |settings| settings.pool_size = 1);
    let name = f.database.name();
    f.database.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    assert_eq!(store.insert_once(&submissions(1)).unavailable.unwrap().kind, ReadOnly);
    f.database.sql(&format!(
        "BEGIN READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = off; COMMIT"
    ));
    assert_eq!(store.probe(), Ok(()));
    assert_eq!(decided(store.insert_once(&submissions(1))), [Stored]);
}

#[test]
fn a_timeout_in_options_is_not_sent_to_the_pooler_and_holds() {
    let (f, pooler) = fixture_and_pooler();
    f.database.sql("CREATE TABLE seen (timeout text)");
    f.on_insert("INSERT INTO seen VALUES (current_setting('statement_timeout'));");
    let url = format!("{}?options=-c%20statement_timeout%3D3s", pooler.url());
    let store = store_on(&url, |settings| settings.transaction_pooling = true);
    decided(store.insert_once(&submissions(1)));
    assert_eq!(f.database.sql("SELECT DISTINCT timeout FROM seen"), "3s");
}

#[test]
fn migrations_refuse_to_run_through_a_pooler() {
    let database = test_kit::postgres::TestDatabase::create();
    let pooler = PgBouncer::before(&database.url(), "transaction");
    let error = through(&pooler, |_| {}).migrate().unwrap_err();
    assert_eq!(error, MigrateError::ThroughPooler);
    assert_eq!(database.sql("SELECT to_regclass('forms') IS NULL"), "t");
}
