//! The worker of the last release beside the schema of this one, and what the end of the move says of it.
//!
//! It is here in its statements, each prepared once per session.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection,
    sql_query, sql_types::Text,
};
use domain::FormType;
use store::{
    FinishMoveError,
    MessageIds::{OfAllRows, OfRowsWithoutSubmissionId},
};
use test_kit::postgres::TestDatabase;

use crate::support::{fixture, store_on};

/// The database of the last release with a row: it had the first migration only.
pub fn last_release() -> TestDatabase {
    let database = TestDatabase::create();
    let first =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/2026-11-21-000000_forms/up.sql");
    database.sql(
        "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY NOT NULL,
             run_on timestamp NOT NULL DEFAULT current_timestamp);
         INSERT INTO __diesel_schema_migrations VALUES ('20261121000000')",
    );
    database.sql(&format!("BEGIN; {}; COMMIT", fs::read_to_string(first).unwrap()));
    database.sql("INSERT INTO forms (submission_id, sqs_message_id, data) VALUES (gen_random_uuid(), 'm', '{}')");
    database
}

/// Its insert of a batch, and the function for single rows.
const STATEMENTS: &str = "
    PREPARE insert_batch (text[], uuid[], text[], timestamptz[], text[]) AS
        INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data)
        SELECT r.form_type, r.submission_id, r.sqs_message_id, r.received_at, r.data::jsonb FROM unnest($1, $2, $3, $4, $5)
        AS r (form_type, submission_id, sqs_message_id, received_at, data)
        ON CONFLICT DO NOTHING RETURNING sqs_message_id;
    PREPARE store_one (text, uuid, text, timestamptz, text) AS SELECT store_form($1, $2, $3, $4, $5)";

/// How its sessions are called.
const NAME: &str = "application_name=directory-form-data";

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text, column_name = "store_form")]
    outcome: String,
}

/// Stores two rows as a batch and two one by one, the second time in vain, and returns how long the slowest statement took.
fn store_four(session: &mut PgConnection, n: usize) -> Duration {
    let id = |row: usize| format!("00000000-0000-0000-0000-{:012}", n * 10 + row);
    let batch = format!(
        "EXECUTE insert_batch ('{{form,enrolment}}', '{{{},NULL}}', '{{m-{n}-1,m-{n}-2}}', '{{now,NULL}}',
             '{{\"{{\\\"data\\\": 1}}\",\"[2]\"}}')",
        id(1)
    );
    let mut slowest = Duration::ZERO;
    for expected in [2, 0] {
        let began = Instant::now();
        assert_eq!(sql_query(&batch).execute(session), Ok(expected));
        slowest = slowest.max(began.elapsed());
    }
    for (id, row) in [(format!("'{}'", id(3)), 3), ("NULL".to_owned(), 4)] {
        let one = format!(
            "EXECUTE store_one ('form', {id}, 'm-{n}-{row}', now(), '{{\"data\": {row}}}')"
        );
        for expected in ["stored", "already_stored"] {
            let began = Instant::now();
            let answer: Answer = sql_query(&one).get_result(session).unwrap();
            assert_eq!(answer.outcome, expected);
            slowest = slowest.max(began.elapsed());
        }
    }
    slowest
}

#[test]
fn its_worker_stores_while_and_after_the_views_are_made() {
    let database = last_release();
    let ours = store_on(&database.url(), |_| {});
    let types = |properties: &str| {
        let schema = format!(r#"{{"type": "object", "properties": {{{properties}}}}}"#);
        ["form", "enrolment"].map(|name| FormType::from_schema(name, &schema).unwrap())
    };
    // How many rounds it has made, and how many it has to make.
    let (made, wanted) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let slowest = thread::scope(|scope| {
        let storing = scope.spawn(|| {
            let url = format!("{}?{NAME}", database.url());
            let mut session = PgConnection::establish(&url).unwrap();
            session.batch_execute(STATEMENTS).unwrap();
            let mut slowest = Duration::ZERO;
            while made.load(Ordering::SeqCst) < wanted.load(Ordering::SeqCst) {
                slowest = slowest.max(store_four(&mut session, made.load(Ordering::SeqCst)));
                made.fetch_add(1, Ordering::SeqCst);
            }
            slowest
        });
        let goes_on = || {
            let before = made.load(Ordering::SeqCst);
            while made.load(Ordering::SeqCst) < before + 20 {
                assert!(!storing.is_finished(), "its worker has stopped");
                thread::sleep(Duration::from_millis(5));
            }
        };
        goes_on();
        ours.migrate().unwrap();
        goes_on();
        for properties in ["", r#""data": {"type": "integer"}"#, r#""data": {"type": "array"}"#] {
            assert_eq!(ours.publish(&types(properties)).unwrap().failed, []);
            goes_on();
            assert_eq!(ours.index_relations().unwrap().failed, []);
            goes_on();
        }
        wanted.store(0, Ordering::SeqCst);
        storing.join().unwrap()
    });
    println!("{} rounds, the slowest statement took {slowest:?}", made.load(Ordering::SeqCst));
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");

    while ours.advance_watermark().unwrap().is_none_or(|step| step.waits.is_some()) {}
    let rounds = made.load(Ordering::SeqCst);
    for (form_type, rows) in [("form", 3 * rounds + 1), ("enrolment", rounds)] {
        let count = format!(
            "SELECT (SELECT count(*) FROM forms WHERE form_type = '{form_type}'), (SELECT count(*) FROM submissions.{form_type})"
        );
        assert_eq!(database.sql(&count), format!("{rows}|{rows}"));
    }
    assert_eq!(database.sql("SELECT sum(data) FROM submissions.form"), (8 * rounds).to_string());
}

#[test]
fn the_move_is_not_finished_while_its_worker_is_connected() {
    let f = fixture().for_2016();
    let old = PgConnection::establish(&format!("{}?{NAME}", f.database.url())).unwrap();
    let error = f.store.index_message_ids(OfRowsWithoutSubmissionId).unwrap_err();
    assert!(matches!(error, FinishMoveError::LastRelease { .. }), "{error}");
    // The way back does no harm.
    f.store.index_message_ids(OfAllRows).unwrap();
    drop(old);
    f.wait_for(
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'directory-form-data'
        AND datname = current_database()",
    );
    f.store.index_message_ids(OfRowsWithoutSubmissionId).unwrap();
}

/// The build of the index may take hours.
#[test]
fn a_worker_of_it_that_connects_while_the_move_is_finished_stops_that_too() {
    let f = fixture().for_2016();
    let mut report = f.session_that("BEGIN; SELECT * FROM form_form");
    thread::scope(|scope| {
        let moving = scope.spawn(|| f.store.index_message_ids(OfRowsWithoutSubmissionId));
        // The index is complete, and it watches who uses the table.
        f.wait_for(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
                 AND state = 'idle in transaction' AND application_name LIKE 'directory-form-data/%'",
        );
        let old = PgConnection::establish(&format!("{}?{NAME}", f.database.url())).unwrap();
        report.batch_execute("COMMIT").unwrap();
        let error = moving.join().unwrap().unwrap_err();
        assert!(matches!(error, FinishMoveError::LastRelease { .. }), "{error}");
        drop(old);
    });
    let of_all = "SELECT count(*) FROM pg_constraint WHERE conname = 'forms_sqs_message_id_key'";
    assert_eq!(f.database.sql(of_all), "1");
}

#[test]
fn an_owner_who_is_no_superuser_sees_its_worker_too() {
    let f = fixture().for_2016();
    let role = format!("{}_owner", f.database.name());
    f.database.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'owner'; GRANT USAGE, CREATE ON SCHEMA public TO {role};
         ALTER TABLE forms OWNER TO {role}; ALTER VIEW form_form OWNER TO {role};
         ALTER FUNCTION refuse_insert_of_2016 OWNER TO {role}"
    ));
    let store = store_on(&f.database.url_as(&role, "owner"), |_| {});
    let old = PgConnection::establish(&format!("{}?{NAME}", f.database.url())).unwrap();
    let error = store.index_message_ids(OfRowsWithoutSubmissionId).unwrap_err();
    assert!(matches!(error, FinishMoveError::LastRelease { .. }), "{error}");
    drop((store, old));
    f.database.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}';
         REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"
    ));
}
