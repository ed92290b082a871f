//! The rights that the worker's role needs, and rights that it does not get.

use std::fs;

use store::{
    RowOutcome::{AlreadyStored, IdTaken, Stored},
    SchemaState,
};

use crate::support::{Fixture, decided, fixture, refused, store_on, submission};

/// Runs the test with the URL of a role that has exactly the worker's rights, and drops the role at
/// the end.
fn with_workers_role(f: &Fixture, test: impl FnOnce(&str)) {
    let role = format!("{}_worker", f.database.name());
    f.database.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'worker';
         REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {role};
         REVOKE EXECUTE ON FUNCTION store_form FROM PUBLIC;
         GRANT INSERT, SELECT ON forms TO {role};
         GRANT EXECUTE ON FUNCTION store_submission, forms_with_ids, is_erased, message_ids_are_unique TO {role};"
    ));
    test(&f.database.url_as(&role, "worker"));
    f.database.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}';
         DROP OWNED BY {role}; DROP ROLE {role};"
    ));
}

#[test]
fn insert_and_select_on_forms_and_four_functions_are_enough() {
    let f = fixture();
    with_workers_role(&f, |url| {
        let store = store_on(url, |_| {});
        assert_eq!(
            decided(store.insert_once(&[submission(1, "{}"), submission(2, "{}")])),
            [Stored, Stored]
        );
        let outcomes = decided(store.insert_once(&[
            submission(1, "{}"),
            submission(2, "[]"),
            submission(3, "no json"),
            submission(4, "{}"),
        ]));
        assert_eq!(outcomes[0], AlreadyStored);
        assert_eq!(outcomes[1], IdTaken);
        assert_eq!(refused(&outcomes[2]), "22P02");
        assert_eq!(outcomes[3], Stored);
        assert_eq!(store.probe(), Ok(()));
        assert_eq!(store.ping(), Ok(()));
        assert_eq!(store.schema_state(), Ok(SchemaState::Current));
        // Nothing is missing, so the right to create tables is not needed.
        assert_eq!(store.migrate(), Ok(vec![]));

        let psql = |sql: &str| test_kit::postgres::sql(url, sql).unwrap_err().to_string();
        for denied in [
            "DELETE FROM forms",
            "UPDATE forms SET form_type = 'x'",
            "TRUNCATE forms",
            "DROP TABLE forms",
            "ALTER TABLE forms ADD COLUMN x int",
            "CREATE TABLE x (y int)",
            "DROP FUNCTION store_form",
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('1')",
            "SELECT nextval('forms_id_seq')",
            "SELECT * FROM form_form",
        ] {
            let error = psql(denied);
            assert!(
                error.contains("permission denied") || error.contains("must be owner"),
                "{denied}: {error}"
            );
        }
    });
}

#[test]
fn a_missing_right_counts_as_unavailable_and_is_named() {
    let f = fixture();
    with_workers_role(&f, |url| {
        f.database.sql("REVOKE INSERT ON forms FROM PUBLIC; DO $$ BEGIN EXECUTE 'REVOKE INSERT ON forms FROM ' || current_database() || '_worker'; END $$");
        let insertion = store_on(url, |_| {}).insert_once(&[submission(1, "{}")]);
        assert_eq!(
            insertion.unavailable.unwrap().message.as_deref(),
            Some("permission denied for table forms")
        );
    });
}

#[test]
fn what_a_superuser_migrates_belongs_to_the_owner_of_forms() {
    let f = fixture();
    let role = format!("{}_owner", f.database.name());
    // All but the first migration, which creates the table.
    let mut down = test_kit::postgres::way_back();
    down.pop();
    let count = down.len();
    let down: String = down.iter().map(|script| fs::read_to_string(script).unwrap()).collect();
    let forget = "DELETE FROM __diesel_schema_migrations WHERE version > '20261121000000'";
    f.database.sql(&format!(
        "{down}; {forget}; CREATE ROLE {role} LOGIN PASSWORD 'owner'; ALTER TABLE forms OWNER TO {role};
         GRANT USAGE, CREATE ON SCHEMA public TO {role}"
    ));
    assert_eq!(f.store.migrate().map(|applied| applied.len()), Ok(count));
    let store = store_on(&f.database.url_as(&role, "owner"), |_| {});
    assert!(store.advance_watermark().unwrap().is_some());
    drop(store);
    f.database.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}';
         DROP OWNED BY {role} CASCADE; DROP ROLE {role};"
    ));
}

#[test]
fn functions_use_our_tables_whatever_their_caller_has_set() {
    let f = fixture();
    f.database.sql("CREATE SCHEMA other; CREATE TABLE other.forms (LIKE forms); CREATE TABLE other.watermarks (LIKE watermarks)");
    let elsewhere =
        "SET search_path = other, public; CREATE TEMPORARY TABLE forms (LIKE other.forms)";
    let call = |sql: &str| f.database.sql(&format!("{elsewhere}; SELECT {sql}"));
    assert_eq!(call("store_form('form', NULL, 'message', NULL, '{}')"), "stored");
    assert_eq!(f.rows(), 1);
    assert_eq!(call("watermark FROM advance_watermark('forms')"), "1");
}
