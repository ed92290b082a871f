//! The probe succeeds on each table that takes real rows, and on no other.

use store::{
    RowOutcome::{Refused, Stored},
    UnavailableKind::StatementFailed,
};

use crate::support::{Fixture, decided, fixture, submission, submissions};

/// Tables that take the submissions of these tests, each changed by an operator.
const CHANGES: &[(&str, &str)] = &[
    ("a column became NOT NULL", "ALTER TABLE forms ALTER received_at SET NOT NULL"),
    (
        "each column that the worker fills is NOT NULL",
        "ALTER TABLE forms ALTER submission_id SET NOT NULL, ALTER sqs_message_id SET NOT NULL",
    ),
    ("a list of form types", "ALTER TABLE forms ADD CHECK (form_type IN ('form', 'enrolment'))"),
    ("a list of other form types", "ALTER TABLE forms ADD CHECK (form_type = 'enrolment')"),
    ("only small forms", "ALTER TABLE forms ADD CHECK (length(data::text) < 1000)"),
    ("only forms with a number", "ALTER TABLE forms ADD CHECK ((data->>'data')::int > 0)"),
    ("the same data only once", "CREATE UNIQUE INDEX ON forms ((data->>'data'))"),
    (
        "an exclusion",
        "CREATE EXTENSION IF NOT EXISTS btree_gist; ALTER TABLE forms ADD EXCLUDE USING gist (form_type WITH =, id WITH =)",
    ),
    (
        "a trigger that refuses unknown form types",
        "CREATE FUNCTION known() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.form_type <> 'enrolment' THEN RAISE EXCEPTION 'unknown form type'; END IF; RETURN NEW;
         END $$;
         CREATE TRIGGER known BEFORE INSERT ON forms FOR EACH ROW EXECUTE FUNCTION known()",
    ),
    (
        "a trigger with an error code of its own",
        "CREATE FUNCTION own_code() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.form_type <> 'enrolment' THEN RAISE EXCEPTION 'unknown' USING ERRCODE = 'UE001'; END IF; RETURN NEW;
         END $$;
         CREATE TRIGGER own_code BEFORE INSERT ON forms FOR EACH ROW EXECUTE FUNCTION own_code()",
    ),
    (
        "a trigger that casts",
        "CREATE FUNCTION cast_data() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM (NEW.data->>'data')::int; RETURN NEW;
         END $$;
         CREATE TRIGGER cast_data BEFORE INSERT ON forms FOR EACH ROW EXECUTE FUNCTION cast_data()",
    ),
    (
        "a trigger that refuses the same content twice",
        "CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF EXISTS (SELECT FROM forms WHERE data = NEW.data) THEN RAISE EXCEPTION 'twice'; END IF; RETURN NEW;
         END $$;
         CREATE TRIGGER once BEFORE INSERT ON forms FOR EACH ROW EXECUTE FUNCTION once()",
    ),
    (
        "a trigger at the end of the transaction",
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'late'; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON forms DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (NEW.form_type <> 'enrolment') EXECUTE FUNCTION late()",
    ),
    (
        "partitions by form type",
        "CREATE TABLE parts (LIKE forms INCLUDING DEFAULTS) PARTITION BY LIST (form_type);
         CREATE TABLE part PARTITION OF parts FOR VALUES IN ('enrolment');
         INSERT INTO parts SELECT * FROM forms; ALTER TABLE forms RENAME TO before; ALTER TABLE parts RENAME TO forms;
         CREATE SEQUENCE ids START 100; ALTER TABLE forms ALTER id SET DEFAULT nextval('ids');
         CREATE UNIQUE INDEX ON part (submission_id); CREATE UNIQUE INDEX ON part (sqs_message_id)",
    ),
];

fn changed(change: &str, records: &[domain::Record]) -> Fixture {
    let f = fixture();
    decided(f.store.insert_once(records));
    f.database.sql(change);
    f
}

fn enrolment(n: u128) -> domain::Record {
    domain::Record {
        form_type: "enrolment".to_owned(),
        ..submission(n, &format!(r#"{{"data": {n}}}"#))
    }
}

#[test]
fn a_table_that_takes_real_rows_takes_the_probe() {
    for (case, change) in CHANGES {
        let f = changed(change, &[enrolment(1)]);
        assert_eq!(f.store.probe(), Ok(()), "{case}");
        assert_eq!(decided(f.store.insert_once(&[enrolment(2)])), [Stored], "{case}");
        assert_eq!(f.store.probe(), Ok(()), "{case}");
        assert_eq!(
            f.database.sql("SELECT count(*) FROM forms"),
            "2",
            "{case}: a probe row is left"
        );
    }
}

#[test]
fn an_empty_table_with_constraints_can_be_written() {
    for change in [
        "ALTER TABLE forms ALTER received_at SET NOT NULL",
        "ALTER TABLE forms ADD CHECK (form_type = 'enrolment')",
        "ALTER TABLE forms ADD CHECK ((data->>'data')::int > 0)",
        "ALTER TABLE forms ADD owner text NOT NULL",
    ] {
        assert_eq!(changed(change, &[]).store.probe(), Ok(()), "{change}");
    }
}

#[test]
fn a_column_that_only_others_fill_is_a_fault_of_the_row_and_not_of_the_database() {
    let f = changed(
        "ALTER TABLE forms ADD owner text; ALTER TABLE forms ADD CHECK (owner IS NOT NULL) NOT VALID",
        &submissions(1),
    );
    assert_eq!(f.store.probe(), Ok(()));
    let outcomes = decided(f.store.insert_once(&[submission(2, "{}")]));
    assert!(matches!(&outcomes[0], Refused(code) if code.as_str() == "23514"), "{outcomes:?}");
}

#[test]
fn a_table_that_refuses_every_row_does_not_take_the_probe_and_no_message_quotes_a_row() {
    for code in ["raise_exception", "internal_error"] {
        let f = fixture();
        f.on_insert(&format!(
            "IF nextval('attempts') > 1 THEN RAISE EXCEPTION 'closed: %', NEW.data USING ERRCODE = '{code}'; END IF;"
        ));
        decided(f.store.insert_once(&[submission(1, r#"{"data": "hunter2"}"#)]));
        let error = f.store.probe().unwrap_err();
        assert_eq!(error.kind, StatementFailed);
        assert!(!error.to_string().contains("hunter2"), "{error}");
        f.database.sql("DROP TRIGGER trouble ON forms");
        assert_eq!(f.store.probe(), Ok(()));
    }
}
