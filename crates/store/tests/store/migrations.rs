//! Migrating a database.

use std::thread;

use store::{MigrateError, SchemaState};
use test_kit::postgres::TestDatabase;

use crate::support::{fixture, store_on};

const FIRST: &str = "2026-11-21-000000_forms";

#[test]
fn a_fresh_database_gets_the_table_once() {
    let database = TestDatabase::create();
    let store = store_on(&database.url(), |_| {});
    assert_eq!(store.schema_state(), Ok(SchemaState::Older { missing: vec![FIRST.to_owned()] }));
    assert_eq!(store.migrate(), Ok(vec![FIRST.to_owned()]));
    assert_eq!(store.schema_state(), Ok(SchemaState::Current));
    assert_eq!(store.migrate(), Ok(vec![]));
    assert_eq!(database.sql("SELECT count(*) FROM forms"), "0");
    assert_eq!(database.sql("SELECT count(*) FROM form_form"), "0");
}

#[test]
fn a_fresh_table_has_the_documented_shape() {
    let f = fixture();
    assert_eq!(crate::adoption::shape(&f.database), crate::adoption::SHAPE);
}

#[test]
fn of_several_processes_one_migrates_and_all_succeed() {
    let database = TestDatabase::create();
    let mut applied: Vec<Vec<String>> = thread::scope(|scope| {
        let calls: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| store_on(&database.url(), |_| {}).migrate().unwrap()))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    applied.sort();
    assert_eq!(applied, [vec![], vec![], vec![], vec![FIRST.to_owned()]]);
}

#[test]
fn a_schema_of_a_later_build_is_newer_and_stays_as_it_is() {
    let f = fixture();
    f.database.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    assert_eq!(
        f.store.schema_state(),
        Ok(SchemaState::Newer { unknown: vec!["20991231000000".to_owned()] })
    );
    assert_eq!(f.store.migrate(), Ok(vec![]));
}

#[test]
fn a_migration_does_not_wait_forever_for_a_table_in_use() {
    let database = crate::adoption::old_database("");
    let f = crate::support::Fixture { store: store_on(&database.url(), |_| {}), database };
    let _report = f.session_that("BEGIN; SELECT * FROM form_form");
    let error = f.store.migrate().unwrap_err();
    assert!(matches!(&error, MigrateError::InUse { name } if name.ends_with("_forms")), "{error}");
    assert_eq!(f.database.sql("SELECT to_regclass('forms') IS NULL"), "t");
}

#[test]
fn an_unavailable_database_is_not_a_failed_migration() {
    let store = store_on("postgres://test@127.0.0.1:1/forms", |_| {});
    assert!(matches!(store.migrate(), Err(MigrateError::Unavailable(_))));
    assert!(
        store_on("postgres://test@127.0.0.1:1/forms", |s| s.pool_wait =
            std::time::Duration::from_millis(200))
        .schema_state()
        .is_err()
    );
}
