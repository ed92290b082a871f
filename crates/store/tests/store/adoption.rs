//! The 2016 table becomes ours and keeps working for the 2016 service.

use store::RowOutcome::{AlreadyStored, Stored};
use test_kit::postgres::TestDatabase;

use crate::support::{decided, old_message, store_on, submission};

/// The table of the 2016 service.
pub const OLD_TABLE: &str = "
    CREATE TABLE form_form (
        id serial NOT NULL PRIMARY KEY,
        created timestamp with time zone NOT NULL,
        data jsonb NOT NULL,
        sqs_message_id varchar(255) NULL UNIQUE
    );
    CREATE INDEX form_form_sqs_message_id_5b7a2c1d_like ON form_form (sqs_message_id varchar_pattern_ops)";

/// The database of the 2016 service, on which this SQL has run too.
pub fn old_database(more: &str) -> TestDatabase {
    let database = TestDatabase::create();
    database.sql(OLD_TABLE);
    database.sql(more);
    database
}

const BOTH_SHAPES: &str = r#"
    INSERT INTO form_form (created, data, sqs_message_id) VALUES
        ('2016-11-01 10:00:00+00', '{"data": {"name": "é"}}', 'old-1'),
        ('2016-11-02 10:00:00+00', '"{\"data\": 1}"', NULL),
        ('2016-11-03 10:00:00+00', '{"data": 2}', 'old-3');
    DELETE FROM form_form WHERE id = 3;
"#;

pub const OLD_INSERT: &str = "INSERT INTO form_form (created, data, sqs_message_id) VALUES ('2016-12-01 10:00:00+00'::timestamptz, '{\"data\": 4}', 'old-4') RETURNING form_form.id";

/// The columns and indexes of `forms`.
pub fn shape(database: &TestDatabase) -> String {
    database.sql(
        "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default, identity_generation
             FROM information_schema.columns WHERE table_name = 'forms' ORDER BY column_name;
         SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'forms'::regclass ORDER BY 1;
         SELECT pg_get_serial_sequence('forms', 'id');
         SELECT column_name FROM information_schema.columns WHERE table_name = 'form_form' ORDER BY ordinal_position;",
    )
}

pub const SHAPE: &str = "\
created|timestamp with time zone||NO|now()|
data|jsonb||NO||
erased_at|timestamp with time zone||YES||
form_type|text||NO|'form'::text|
id|bigint||NO||ALWAYS
received_at|timestamp with time zone||YES||
schema_digest|bytea||YES||
sqs_message_id|character varying|255|YES||
submission_id|uuid||YES||
traceparent|text||YES||
CREATE UNIQUE INDEX forms_pkey ON public.forms USING btree (id)
CREATE UNIQUE INDEX forms_sqs_message_id_key ON public.forms USING btree (sqs_message_id)
CREATE UNIQUE INDEX forms_submission_id_key ON public.forms USING btree (submission_id)
public.forms_id_seq
id
created
data
sqs_message_id";

fn migrated(more: &str) -> (TestDatabase, store::Store) {
    let database = old_database(more);
    let store = store_on(&database.url(), |_| {});
    store.migrate().unwrap();
    (database, store)
}

#[test]
fn rows_of_both_old_shapes_do_not_change() {
    let (database, _) = migrated(BOTH_SHAPES);
    assert_eq!(
        database.sql("SET TIME ZONE 'UTC'; SELECT id, form_type, submission_id, sqs_message_id, received_at, created, data FROM forms ORDER BY id"),
        "1|form||old-1||2016-11-01 10:00:00+00|{\"data\": {\"name\": \"é\"}}\n\
         2|form||||2016-11-02 10:00:00+00|\"{\\\"data\\\": 1}\""
    );
}

#[test]
fn an_adopted_table_is_the_same_as_a_fresh_one() {
    let (database, _) = migrated(BOTH_SHAPES);
    database.sql("DROP INDEX forms_sqs_message_id_5b7a2c1d_like");
    assert_eq!(shape(&database), SHAPE);
}

#[test]
fn ids_continue_after_the_old_sequence_even_if_the_last_row_was_deleted() {
    let (database, store) = migrated(BOTH_SHAPES);
    assert_eq!(decided(store.insert_once(&[submission(1, "{}")])), [Stored]);
    assert_eq!(database.sql("SELECT max(id) FROM forms"), "4");
}

#[test]
fn ids_continue_after_the_highest_row_if_the_sequence_lags() {
    let (database, _) = migrated("INSERT INTO form_form VALUES (41, now(), '{}', NULL)");
    assert_eq!(database.sql(OLD_INSERT), "42");
}

#[test]
fn the_old_insert_works_through_the_view() {
    let (database, store) = migrated(BOTH_SHAPES);
    assert_eq!(database.sql(OLD_INSERT), "4");
    assert_eq!(
        database
            .sql("SELECT form_type, created = '2016-12-01 10:00:00+00' FROM forms WHERE id = 4"),
        "form|t"
    );
    assert_eq!(
        database.sql("SELECT id, sqs_message_id FROM form_form WHERE data->>'data' = '4'"),
        "4|old-4"
    );

    let violation = database.try_sql(OLD_INSERT).unwrap_err().to_string();
    assert!(
        violation.contains(
            "duplicate key value violates unique constraint \"forms_sqs_message_id_key\""
        ),
        "{violation}"
    );
    // In the same way a row of the old worker is already stored for ours, and a row of ours is a
    // violation for the old worker.
    let by_old =
        domain::Record { sqs_message_id: "old-4".to_owned(), ..old_message(1, r#"{"data": 4}"#) };
    assert_eq!(
        decided(store.insert_once(&[by_old, old_message(5, "{}")])),
        [AlreadyStored, Stored]
    );
    let again = OLD_INSERT.replace("old-4", "message-0005");
    let again = again.replace("RETURNING form_form.id", "");
    database.sql(&format!(
        "DO $$ BEGIN {again}; ASSERT false; EXCEPTION WHEN unique_violation THEN NULL; END $$"
    ));
}

#[test]
fn the_old_insert_works_on_a_fresh_database_too() {
    let f = crate::support::fixture().for_2016();
    assert_eq!(f.database.sql(OLD_INSERT), "1");
    assert!(f.database.try_sql(OLD_INSERT).unwrap_err().to_string().contains("duplicate key"));
}

#[test]
fn other_roles_keep_their_rights_and_the_owner_owns_the_view() {
    let database = old_database(BOTH_SHAPES);
    let [owner, reader] = ["owner", "reader"].map(|name| format!("{}_{name}", database.name()));
    database.sql(&format!(
        "CREATE ROLE {owner}; CREATE ROLE {reader}; ALTER TABLE form_form OWNER TO {owner}; GRANT SELECT ON form_form TO {reader};"
    ));
    store_on(&database.url(), |_| {}).migrate().unwrap();
    database.sql(&format!("SET ROLE {reader}; SELECT * FROM form_form"));
    assert!(database.try_sql(&format!("SET ROLE {reader}; DELETE FROM form_form")).is_err());
    assert_eq!(database.sql(&format!("SET ROLE {owner}; {OLD_INSERT}")), "4");
    database.sql(&format!("DROP OWNED BY {owner}, {reader} CASCADE; DROP ROLE {owner}, {reader}"));
}

#[test]
fn a_view_on_the_ids_stops_the_migration_and_the_documented_query_finds_it() {
    let database = old_database(
        "CREATE VIEW report AS SELECT id FROM form_form; CREATE VIEW other AS SELECT data FROM form_form",
    );
    let document = include_str!("../../../../docs/how-to/move-from-2016.md");
    let query = document.split("```sql").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(database.sql(query), "report");
    let error = store_on(&database.url(), |_| {}).migrate().unwrap_err();
    assert!(error.to_string().contains("used by a view or rule"), "{error}");
    assert_eq!(database.sql("SELECT to_regclass('forms') IS NULL"), "t");
}

#[test]
fn names_that_django_chose_differently_become_the_same() {
    let database = TestDatabase::create();
    database.sql(
        "CREATE TABLE form_form (id integer NOT NULL, created timestamptz NOT NULL, data jsonb NOT NULL, sqs_message_id varchar(255));
         CREATE SEQUENCE somewhere START 7; ALTER TABLE form_form ALTER COLUMN id SET DEFAULT nextval('somewhere');
         ALTER TABLE form_form ADD CONSTRAINT \"Primary\" PRIMARY KEY (id);
         ALTER TABLE form_form ADD CONSTRAINT form_form_sqs_message_id_1f2e3d4c_uniq UNIQUE (sqs_message_id);",
    );
    database.sql("INSERT INTO form_form (created, data) VALUES (now(), '{}')");
    store_on(&database.url(), |_| {}).migrate().unwrap();
    assert_eq!(shape(&database), SHAPE);
}

#[test]
fn a_table_without_its_unique_constraint_gets_one() {
    let (database, _) = migrated(
        "ALTER TABLE form_form DROP CONSTRAINT form_form_sqs_message_id_key; DROP INDEX form_form_sqs_message_id_5b7a2c1d_like;
         INSERT INTO form_form (created, data) VALUES (now(), '{}')",
    );
    assert_eq!(shape(&database), SHAPE);
}

#[test]
fn a_hundred_thousand_rows_take_seconds() {
    let started = std::time::Instant::now();
    let (database, _) = migrated(
        "INSERT INTO form_form (created, data, sqs_message_id) SELECT now(), jsonb_build_object('data', repeat(n::text, 50)), 'old-' || n FROM generate_series(1, 100000) n",
    );
    assert_eq!(database.sql("SELECT count(*), max(id) FROM forms"), "100000|100000");
    assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
}

mod way_back {
    use test_kit::postgres::{PostgresError, way_back};

    use super::*;

    fn down(database: &TestDatabase) -> Result<String, PostgresError> {
        let scripts: String =
            way_back().iter().map(|script| std::fs::read_to_string(script).unwrap()).collect();
        let forget = "DELETE FROM __diesel_schema_migrations";
        database.try_sql(&format!("BEGIN; {scripts}; {forget}; COMMIT;"))
    }

    #[test]
    fn the_way_back_restores_the_old_table_with_every_row() {
        let (database, store) = migrated(BOTH_SHAPES);
        let sql = "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'form_form' ORDER BY ordinal_position;
                   SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'form_form'::regclass ORDER BY 1;
                   SELECT pg_get_serial_sequence('form_form', 'id');";
        let as_in_2016 = old_database("").sql(sql);
        decided(store.insert_once(&[submission(1, "{}")]));
        down(&database).unwrap();
        assert_eq!(database.sql(sql), as_in_2016);
        assert_eq!(database.sql("SELECT count(*) FROM form_form"), "3");
        assert_eq!(database.sql(OLD_INSERT), "5");

        assert_eq!(store.migrate().unwrap().len(), way_back().len());
        assert_eq!(database.sql("SELECT count(*) FROM forms"), "4");
        assert_eq!(
            decided(store.insert_once(&[submission(1, "{}"), submission(2, "{}")])),
            [AlreadyStored, Stored]
        );
    }

    #[test]
    fn rows_that_the_old_table_cannot_hold_stop_the_way_back() {
        let (database, store) = migrated("");
        let enrolment = domain::Record { form_type: "enrolment".to_owned(), ..submission(1, "{}") };
        decided(store.insert_once(&[enrolment]));
        assert!(down(&database).unwrap_err().to_string().contains("other form types"));

        let (database, _) = migrated("");
        database
            .sql("INSERT INTO forms (id, data) OVERRIDING SYSTEM VALUE VALUES (3000000000, '{}')");
        assert!(down(&database).unwrap_err().to_string().contains("out of range"));
        assert_eq!(database.sql("SELECT count(*) FROM forms"), "1");
    }
}
