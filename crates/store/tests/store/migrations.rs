//! Migrating a database.

use std::thread;

use diesel::{RunQueryDsl, connection::SimpleConnection, dsl::sql, sql_types::Integer};
use store::{MigrateError, SchemaState, TableUser};
use test_kit::postgres::TestDatabase;

use crate::support::{Fixture, fixture, store_on};

/// All migrations, in their order.
fn all() -> Vec<String> {
    [
        "2026-11-21-000000_forms",
        "2026-11-22-000000_watermarks",
        "2026-11-23-000000_submission_columns",
        "2026-11-23-100000_invalid_messages",
        "2026-11-23-200000_removal",
        "2026-11-24-000000_relations",
        "2026-11-24-100000_large_tables",
        "2026-11-25-000000_readers",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn a_fresh_database_gets_the_table_once() {
    let database = TestDatabase::create();
    let store = store_on(&database.url(), |_| {});
    assert_eq!(store.schema_state(), Ok(SchemaState::Older { missing: all() }));
    assert_eq!(store.migrate(), Ok(all()));
    assert_eq!(store.schema_state(), Ok(SchemaState::Current));
    assert_eq!(store.migrate(), Ok(vec![]));
    assert_eq!(database.sql("SELECT count(*) FROM forms"), "0");
    assert_eq!(database.sql("SELECT count(*) FROM form_form"), "0");
}

#[test]
fn a_fresh_table_has_the_documented_shape() {
    let f = fixture().for_2016();
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
    assert_eq!(applied, [vec![], vec![], vec![], all()]);
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

fn old_table_and_store() -> Fixture {
    let database = crate::adoption::old_database("");
    Fixture { store: store_on(&database.url(), |_| {}), database }
}

#[track_caller]
fn in_use(error: MigrateError) -> TableUser {
    match error {
        MigrateError::InUse { name, user } if name.ends_with("_forms") => user.unwrap(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_migration_does_not_queue_for_a_table_in_use_and_names_the_user() {
    let f = old_table_and_store();
    let mut report = f.session_that("BEGIN; SELECT * FROM form_form");
    let pid =
        diesel::select(sql::<Integer>("pg_backend_pid()")).get_result::<i32>(&mut report).unwrap();
    thread::scope(|scope| {
        let migrating = scope.spawn(|| f.store.migrate());
        while !migrating.is_finished() {
            f.database.sql(
                "SET lock_timeout = '200ms'; INSERT INTO form_form (created, data) VALUES (now(), '{}')",
            );
        }
        let error = migrating.join().unwrap().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("form_form, pid {pid}, since 20")), "{text}");
        let user = in_use(error);
        assert_eq!((user.table.as_str(), user.pid), ("form_form", Some(pid)));
        assert!(user.since.is_some());
    });
    assert_eq!(f.database.sql("SELECT to_regclass('forms') IS NULL"), "t");
}

#[test]
fn a_role_that_may_not_see_when_a_transaction_began_still_sees_who_it_is() {
    let f = old_table_and_store();
    let role = format!("{}_migrator", f.database.name());
    f.database.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'migrator'; GRANT USAGE, CREATE ON SCHEMA public TO {role};
         ALTER TABLE form_form OWNER TO {role}; ALTER SEQUENCE form_form_id_seq OWNER TO {role}"
    ));
    let store = store_on(&f.database.url_as(&role, "migrator"), |_| {});
    let mut report = f.session_that("BEGIN; SELECT * FROM form_form");
    let user = in_use(store.migrate().unwrap_err());
    assert!(user.pid.is_some());
    assert_eq!(user.since, None);
    report.batch_execute("COMMIT").unwrap();
    assert_eq!(store.migrate(), Ok(all()));
    drop(store);
    f.database.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}';
         DROP OWNED BY {role} CASCADE; DROP ROLE {role}"
    ));
}

#[test]
fn a_migration_gets_through_between_many_short_transactions() {
    let f = old_table_and_store();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut session = f.session();
                for _ in 0..40 {
                    session
                        .batch_execute(
                            "BEGIN; INSERT INTO form_form (created, data) VALUES (now(), '{}'); SELECT pg_sleep(0.05); COMMIT",
                        )
                        .unwrap();
                }
            });
        }
        f.wait_for("SELECT count(*) > 2 FROM form_form");
        assert_eq!(f.store.migrate(), Ok(all()));
    });
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
