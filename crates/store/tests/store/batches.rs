//! Many rows in one call.

use diesel::connection::SimpleConnection;
use store::RowOutcome::{AlreadyStored, IdTaken, Stored};

use crate::support::{
    decided, fixture, fixture_with, old_message, refused, store_on, submission, submissions,
};

#[test]
fn one_bad_row_does_not_stop_499_good_ones() {
    let f = fixture();
    let mut records = submissions(500);
    records[250].data = r#"{"data": "\u0000"}"#.to_owned();
    let outcomes = decided(f.store.insert_once(&records));
    assert_eq!(refused(&outcomes[250]), "22P05");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Stored).count(), 499);
    assert_eq!(f.rows(), 499);
}

/// With statistics of a small table, a scan seems cheap, and a prepared statement keeps its plan.
#[test]
fn a_batch_never_reads_the_whole_table_although_that_was_cheap_when_it_was_small() {
    let f = fixture();
    let one_connection = || store_on(&f.database.url(), |settings| settings.pool_size = 1);
    // A session reports its statistics when it ends, so each store is dropped.
    let reported = |rows: u32| {
        f.wait_for(&format!(
            "SELECT n_tup_ins >= {rows} FROM pg_stat_user_tables WHERE relname = 'forms'"
        ));
        f.database.sql("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'forms'")
    };
    decided(one_connection().insert_once(&submissions(60)));
    let before = reported(60);
    f.database.sql("ANALYZE forms");
    let store = one_connection();
    for batch in submissions(1060).chunks(50) {
        decided(store.insert_once(batch));
    }
    drop(store);
    assert_eq!(reported(1060), before);
}

#[test]
fn outcomes_have_the_order_of_the_records() {
    let f = fixture();
    decided(f.store.insert_once(&[submission(5, "{}"), submission(3, "{}")]));
    let records = [
        submission(9, "{}"),
        submission(5, "{}"),
        old_message(4, "{}"),
        submission(3, r#"{"data": 1}"#),
        submission(1, "{}"),
        submission(2, "not json"),
    ];
    let outcomes = decided(f.store.insert_once(&records));
    assert_eq!(outcomes[..5], [Stored, AlreadyStored, Stored, IdTaken, Stored]);
    assert_eq!(refused(&outcomes[5]), "22P02");
}

#[test]
fn the_same_submission_twice_in_a_batch_is_stored_once() {
    let f = fixture();
    let mut again_by_another_message = submission(1, "{}");
    again_by_another_message.sqs_message_id = "another".to_owned();
    let mut other_content_by_another_message = submission(1, r#"{"data": 1}"#);
    other_content_by_another_message.sqs_message_id = "yet another".to_owned();
    let records = [
        submission(1, "{}"),
        again_by_another_message,
        submission(1, "{}"),
        submission(1, r#"{"data": 1}"#),
        other_content_by_another_message,
        old_message(2, "{}"),
        old_message(2, "{}"),
        old_message(2, r#"{"data": 1}"#),
    ];
    let outcomes = decided(f.store.insert_once(&records));
    assert_eq!(f.rows(), 2);
    // The rows are sorted by message id, so "another" is stored first. Which of the rows with other
    // content comes next is left open.
    assert_eq!(
        f.database.sql("SELECT sqs_message_id FROM forms ORDER BY sqs_message_id"),
        "another\nmessage-0002"
    );
    assert_eq!(
        outcomes,
        [AlreadyStored, Stored, AlreadyStored, IdTaken, IdTaken, Stored, AlreadyStored, IdTaken]
    );
}

#[test]
fn batches_of_all_sizes_share_one_prepared_statement() {
    let f = fixture_with(|settings| settings.pool_size = 1);
    // A prepared statement is visible only in its own session, so a trigger writes the list of the
    // store's session down.
    f.database.sql("CREATE TABLE seen (statement text)");
    f.on_insert(
        "IF NEW.sqs_message_id = 'message-9999' THEN \
             INSERT INTO seen SELECT statement FROM pg_prepared_statements WHERE statement ILIKE 'insert into%forms%'; \
         END IF;",
    );
    let all = submissions(60);
    for batch in [&all[0..1], &all[1..3], &all[3..10], &all[10..60]] {
        decided(f.store.insert_once(batch));
    }
    decided(f.store.insert_once(&[submission(9999, "{}")]));
    assert_eq!(f.rows(), 61);
    assert_eq!(
        f.database.sql(
            "SELECT count(*), bool_and(statement LIKE '%unnest($1, $2, $3, $4, $5, $6, $7)%') FROM seen"
        ),
        "1|t"
    );
}

#[test]
fn a_batch_is_one_statement() {
    let f = fixture();
    f.database.sql(
        "CREATE TABLE statements (n int);
         CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO statements SELECT count(*) FROM made; RETURN NULL; END $$;
         CREATE TRIGGER count_statement AFTER INSERT ON forms REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION count_statement();",
    );
    decided(f.store.insert_once(&submissions(500)));
    assert_eq!(f.database.sql("SELECT n FROM statements"), "500");
}

#[test]
fn more_rows_than_a_statement_has_parameters_are_stored() {
    let f = fixture();
    let outcomes = decided(f.store.insert_once(&submissions(70_000)));
    assert!(outcomes.iter().all(|outcome| *outcome == Stored));
    assert_eq!(f.rows(), 70_000);
}

#[test]
fn batches_lock_their_rows_in_the_same_order() {
    let f = fixture().for_2016();
    // Another session holds the first id. A batch that starts with the last id must not hold that
    // one while it waits.
    let mut other = f.session_that("BEGIN; INSERT INTO forms (sqs_message_id, submission_id, data) VALUES ('message-0001', '00000000-0000-0000-0000-000000000001', '{}')");
    std::thread::scope(|scope| {
        let batch =
            scope.spawn(|| f.store.insert_once(&[submission(2, "{}"), submission(1, "{}")]));
        f.wait_for_blocked();
        other.batch_execute("SET lock_timeout = '300ms'; INSERT INTO forms (sqs_message_id, data) VALUES ('message-0002', '{}'); COMMIT").unwrap();
        assert_eq!(decided(batch.join().unwrap()), [AlreadyStored, AlreadyStored]);
    });
}

/// Compiling a statement takes longer than the statement.
#[test]
fn postgresql_compiles_no_statement_of_the_store() {
    let f = fixture();
    f.database.sql(
        "CREATE TABLE seen (jit text);
         CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO seen VALUES (current_setting('jit')); RETURN new; END $$;
         CREATE TRIGGER look BEFORE INSERT ON forms FOR EACH ROW EXECUTE FUNCTION look()",
    );
    assert_eq!(decided(f.store.insert_once(&[submission(1, r#"{"a": 1}"#)])), [Stored]);
    assert_eq!(f.database.sql("SELECT jit FROM seen"), "off");
    // Readers call this one in sessions of their own.
    let settings =
        "SELECT 'jit=off' = ANY (proconfig) FROM pg_proc WHERE proname = 'advance_watermark'";
    assert_eq!(f.database.sql(settings), "t");
}
