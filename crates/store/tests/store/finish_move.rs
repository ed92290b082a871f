//! The index on the message ids of all rows goes, and comes back.

use std::{process::Command, thread, time::Duration};

use diesel::connection::SimpleConnection;
use domain::Record;
use store::{
    FinishMoveError,
    MessageIds::{OfAllRows, OfRowsWithoutSubmissionId},
    RowOutcome::{AlreadyStored, IdTaken, Stored},
    Store,
};
use test_kit::postgres::TestDatabase;

use crate::{
    adoption::{OLD_INSERT, old_database},
    last_release::last_release,
    support::{Fixture, decided, fixture, old_message, store_on, submission, submissions},
};

const INDEXES: &str = "SELECT pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' (invalid)' END
    FROM pg_index WHERE indrelid = 'forms'::regclass AND indexrelid::regclass::text LIKE '%message%' ORDER BY 1";
const OF_ALL: &str =
    "CREATE UNIQUE INDEX forms_sqs_message_id_key ON public.forms USING btree (sqs_message_id)";
const OF_SOME: &str = "CREATE UNIQUE INDEX forms_sqs_message_id_alone_key ON public.forms USING btree (sqs_message_id) WHERE (submission_id IS NULL)";
const REFUSED: &str = "run \"worker finish-move --back\" first";

/// The database of the 2016 service with a row, migrated.
pub fn migrated() -> Fixture {
    let row = "INSERT INTO form_form (created, data, sqs_message_id) VALUES (now(), '{}', 'old-1')";
    let database = old_database(row);
    let fixture = Fixture { store: store_on(&database.url(), |_| {}), database };
    fixture.store.migrate().unwrap();
    fixture
}

fn dump(database: &TestDatabase) -> String {
    let output = Command::new("pg_dump")
        .args(["--schema-only", "--dbname", &database.url()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A random key, and the id after the last row of 2016.
    let lines =
        text.lines().filter(|line| !line.contains("restrict ") && !line.contains("START WITH"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Shows the lines that differ, and not both schemas.
#[track_caller]
fn assert_same(left: &str, right: &str) {
    let only = |one: &str, other: &str| -> Vec<String> {
        one.lines()
            .filter(|line| !other.lines().any(|same| same == *line))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(only(left, right), only(right, left));
    assert!(left == right, "the same lines in another order");
}

#[test]
fn an_empty_table_gets_the_small_index_and_the_view_refuses_inserts() {
    let f = fixture();
    assert_eq!(f.database.sql(INDEXES), OF_SOME);
    let error = f.database.try_sql(OLD_INSERT).unwrap_err().to_string();
    assert!(error.contains(REFUSED), "{error}");
    assert_eq!(decided(f.store.insert_once(&submissions(3))), [Stored, Stored, Stored]);
    assert_eq!(
        decided(f.store.insert_once(&[old_message(7, "{}"), old_message(7, "{}")])),
        [Stored, AlreadyStored]
    );
    assert_eq!(decided(f.store.insert_once(&submissions(3)))[2], AlreadyStored);
}

#[test]
fn a_table_with_rows_keeps_its_index_until_the_move_is_finished_and_gets_it_back() {
    let f = migrated();
    let both = format!(
        "CREATE INDEX forms_sqs_message_id_5b7a2c1d_like ON public.forms USING btree (sqs_message_id varchar_pattern_ops)\n{OF_ALL}"
    );
    assert_eq!(f.database.sql(INDEXES), both);
    f.database.sql(OLD_INSERT);

    for _again in 0..2 {
        f.store.index_message_ids(OfRowsWithoutSubmissionId).unwrap();
        assert_eq!(f.database.sql(INDEXES), OF_SOME);
        let error = f.database.try_sql(OLD_INSERT).unwrap_err().to_string();
        assert!(error.contains(REFUSED), "{error}");
    }
    for again in 0..2 {
        f.store.index_message_ids(OfAllRows).unwrap();
        assert_eq!(f.database.sql(INDEXES), OF_ALL);
        f.database.sql(&OLD_INSERT.replace("old-4", &format!("back-{again}")));
    }
    let error = f.database.try_sql(OLD_INSERT).unwrap_err().to_string();
    assert!(error.contains("unique constraint \"forms_sqs_message_id_key\""), "{error}");
}

#[test]
fn a_fresh_database_one_of_2016_and_one_of_the_last_release_end_with_the_same_schema() {
    let fresh = fixture();
    let (of_2016, of_last) = (migrated(), last_release());
    of_2016.database.sql("DROP INDEX forms_sqs_message_id_5b7a2c1d_like");
    let last = store_on(&of_last.url(), |_| {});
    last.migrate().unwrap();
    let as_before_the_move = dump(&of_2016.database);
    assert_same(&dump(&of_last), &as_before_the_move);
    assert_ne!(dump(&fresh.database), as_before_the_move);

    fresh.store.index_message_ids(OfAllRows).unwrap();
    assert_same(&dump(&fresh.database), &as_before_the_move);
    fresh.store.index_message_ids(OfRowsWithoutSubmissionId).unwrap();
    of_2016.store.index_message_ids(OfRowsWithoutSubmissionId).unwrap();
    last.index_message_ids(OfRowsWithoutSubmissionId).unwrap();
    let finished = dump(&fixture().database);
    assert_same(&dump(&fresh.database), &finished);
    assert_same(&dump(&of_2016.database), &finished);
    assert_same(&dump(&of_last), &finished);
}

#[test]
fn a_message_that_the_2016_worker_has_stored_is_not_stored_again_after_the_move() {
    let f = migrated();
    let of_2016 = |id: &str| {
        f.database.sql(&OLD_INSERT.replace("old-4", id));
    };
    for id in ["message-0001", "message-0002", "message-0003"] {
        of_2016(id);
    }
    for wanted in [OfAllRows, OfRowsWithoutSubmissionId, OfAllRows] {
        f.store.index_message_ids(wanted).unwrap();
        let same = r#"{"data": 4}"#;
        // One alone, and several together, as a batch and again in the function.
        assert_eq!(decided(f.store.insert_once(&[submission(1, same)])), [AlreadyStored]);
        let several = [submission(2, same), submission(3, "{}"), old_message(2, same)];
        assert_eq!(
            decided(f.store.insert_once(&several)),
            [AlreadyStored, IdTaken, AlreadyStored],
            "{wanted:?}"
        );
        assert_eq!(f.rows(), 4, "{wanted:?}");
    }
}

#[test]
fn lookups_use_an_index_before_and_after_the_move() {
    let f = migrated();
    f.database.sql(
        "INSERT INTO forms (submission_id, sqs_message_id, data)
             SELECT gen_random_uuid(), 'many-' || n, '{}' FROM generate_series(1, 20000) n;
         INSERT INTO forms (sqs_message_id, data) SELECT 'old-many-' || n, '{}' FROM generate_series(1, 20000) n;
         ANALYZE forms",
    );
    let explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM forms_with_ids(gen_random_uuid(), 'many-17')";
    for wanted in [OfAllRows, OfRowsWithoutSubmissionId] {
        f.store.index_message_ids(wanted).unwrap();
        let plan = f.database.sql(explain);
        let executed: Vec<&str> =
            plan.lines().filter(|line| !line.contains("never executed")).collect();
        assert!(!executed.iter().any(|line| line.contains("Seq Scan on forms")), "{plan}");
        // With the message id alone, the row of another submission is found only by the index of
        // all rows.
        let found =
            f.database.sql("SELECT count(*) FROM forms_with_ids(gen_random_uuid(), 'many-17')");
        assert_eq!(found, if wanted == OfAllRows { "1" } else { "0" });
    }
}

#[test]
fn an_invalid_index_is_dropped_first() {
    let f = migrated();
    f.store.index_message_ids(OfRowsWithoutSubmissionId).unwrap();
    for (wanted, name) in [
        (OfAllRows, "forms_sqs_message_id_key"),
        (OfRowsWithoutSubmissionId, "forms_sqs_message_id_alone_key"),
    ] {
        // As a server that stops in the middle of the build leaves it.
        f.database.sql(&format!(
            "CREATE INDEX {name} ON forms (form_type);
             UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass"
        ));
        f.store.index_message_ids(wanted).unwrap();
        let expected = if wanted == OfAllRows { OF_ALL } else { OF_SOME };
        assert_eq!(f.database.sql(INDEXES), expected);
    }
}

#[test]
fn message_ids_of_several_rows_stop_the_way_back_and_are_named_without_content() {
    let f = fixture();
    let same =
        |n| Record { sqs_message_id: "same".to_owned(), ..submission(n, r#"{"a": "canary"}"#) };
    assert_eq!(decided(f.store.insert_once(&[same(1)])), [Stored]);
    assert_eq!(decided(f.store.insert_once(&[same(2)])), [Stored]);
    let error = f.store.index_message_ids(OfAllRows).unwrap_err();
    assert_eq!(error, FinishMoveError::Duplicates { message_ids: 1 });
    assert!(!error.to_string().contains("canary"));
    // No invalid index is left, which would cost as much and refuse rows.
    assert_eq!(f.database.sql(INDEXES), OF_SOME);
    assert!(f.database.try_sql(OLD_INSERT).is_err());

    let find = error.to_string();
    let find = find.split('`').nth(1).unwrap();
    assert_eq!(f.database.sql(find), "same|{1,2}");
    f.database.sql("UPDATE forms SET sqs_message_id = NULL WHERE id = 2");
    f.store.index_message_ids(OfAllRows).unwrap();
}

#[test]
fn a_long_report_delays_the_end_and_blocks_nobody() {
    let f = migrated();
    let mut report = f.session_that("BEGIN; SELECT * FROM form_form");
    thread::scope(|scope| {
        let moving = scope.spawn(|| f.store.index_message_ids(OfRowsWithoutSubmissionId));
        for n in 0..20 {
            let insert = OLD_INSERT.replace("old-4", &format!("during-{n}"));
            f.database.sql(&format!("SET lock_timeout = '1500ms'; {insert}"));
            thread::sleep(Duration::from_millis(100));
        }
        assert!(!moving.is_finished());
        report.batch_execute("COMMIT").unwrap();
        moving.join().unwrap().unwrap();
    });
    assert_eq!(f.rows(), 21);
}

#[test]
fn only_one_process_at_a_time_exchanges_the_indexes() {
    let f = migrated();
    let mut report = f.session_that("BEGIN; SELECT * FROM form_form");
    thread::scope(|scope| {
        let first = scope.spawn(|| f.store.index_message_ids(OfRowsWithoutSubmissionId));
        f.wait_for("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory'");
        assert_eq!(f.store.index_message_ids(OfAllRows), Err(FinishMoveError::Locked));
        report.batch_execute("COMMIT").unwrap();
        first.join().unwrap().unwrap();
    });
}

#[test]
fn rows_that_are_stored_while_the_indexes_are_exchanged_are_stored_once() {
    let f = migrated();
    let writer = |store: &Store| {
        let mut stored = 0;
        for n in 0..400_u128 {
            // Each row twice, and those of two writers at the same time.
            let outcomes = decided(store.insert_once(&[
                submission(n + 1, "{}"),
                old_message(n + 10_000, "{}"),
                submission(n + 1, "{}"),
            ]));
            stored += outcomes.iter().filter(|outcome| **outcome == Stored).count();
        }
        stored
    };
    let stored: usize = thread::scope(|scope| {
        let writers: Vec<_> =
            (0..2).map(|_| scope.spawn(|| writer(&store_on(&f.database.url(), |_| {})))).collect();
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            f.store.index_message_ids(OfRowsWithoutSubmissionId).unwrap();
            f.store.index_message_ids(OfAllRows).unwrap();
        }
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(stored, 800);
    assert_eq!(f.rows(), 801);
}

#[test]
fn an_older_schema_and_a_pooler_are_refused() {
    let old = last_release();
    let store = store_on(&old.url(), |_| {});
    assert_eq!(store.index_message_ids(OfAllRows), Err(FinishMoveError::NotMigrated));
    let pooled = store_on(&old.url(), |settings| settings.transaction_pooling = true);
    assert_eq!(pooled.index_message_ids(OfAllRows), Err(FinishMoveError::ThroughPooler));
}
