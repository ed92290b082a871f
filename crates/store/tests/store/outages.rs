//! The database is unavailable, or a row makes it seem so.

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection;
use store::{
    RowOutcome::{AlreadyStored, Stored, Undecided},
    Unavailable,
    UnavailableKind::{ConnectionFailed, ConnectionLost, PoolTimeout, ReadOnly, StatementFailed},
};
use test_kit::postgres::{Cluster, ClusterOptions, Shutdown};

use crate::support::{
    decided, fixture, fixture_with, store_on, submission, submissions, unavailable,
};

#[test]
fn a_read_only_database_is_unavailable_until_it_is_writable() {
    let f = fixture();
    let set = |value: &str| {
        let name = f.database.name();
        f.database.sql(&format!(
            "BEGIN READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = {value}; COMMIT"
        ));
    };
    set("on");
    assert_eq!(unavailable(f.store.insert_once(&submissions(5))).kind, ReadOnly);
    assert_eq!(f.store.probe().unwrap_err().kind, ReadOnly);
    assert_eq!(f.store.ping(), Ok(()));

    set("off");
    // Sessions from before keep the old setting until they end.
    assert_eq!(f.store.probe(), Ok(()));
    assert_eq!(decided(f.store.insert_once(&submissions(1))), [Stored]);
}

#[test]
fn a_probe_leaves_nothing_behind() {
    let f = fixture();
    assert_eq!(f.store.probe(), Ok(()));
    assert_eq!(f.rows(), 0);
    // The row must be larger than a page even when compressed: otherwise it might fit into a gap on
    // a full disk.
    let outside =
        "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'forms'::regclass";
    assert!(f.database.sql(outside).parse::<u64>().unwrap() > 8192);
}

#[test]
fn a_full_disk_counts_as_unavailable_even_for_a_single_row() {
    let f = fixture();
    f.on_insert("RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full';");
    for batch in [1, 5] {
        let error = unavailable(f.store.insert_once(&submissions(batch)));
        assert_eq!((error.kind, error.message.as_deref()), (StatementFailed, Some("no space")));
    }
    assert_eq!(f.store.probe().unwrap_err().kind, StatementFailed);
}

#[test]
fn a_single_row_that_keeps_failing_is_undecided_and_the_others_are_stored() {
    for (position, others) in [(0, 4), (2, 4), (4, 4), (0, 0)] {
        let f = fixture();
        f.on_insert(
            "IF NEW.sqs_message_id = 'unlucky' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'internal_error'; END IF;",
        );
        let mut records = submissions(others + 1);
        records[position].sqs_message_id = "unlucky".to_owned();
        let outcomes = decided(f.store.insert_once(&records));
        for (n, outcome) in outcomes.into_iter().enumerate() {
            assert_eq!(outcome, if n == position { Undecided } else { Stored });
        }
    }
}

#[test]
fn a_row_that_another_transaction_locks_leaves_time_for_the_others() {
    let f = fixture_with(|settings| settings.statement_timeout = Duration::from_secs(3)).for_2016();
    let mut other = f.session_that(
        "BEGIN; INSERT INTO forms (sqs_message_id, data) VALUES ('message-0002', '{}')",
    );
    let outcomes = decided(f.store.insert_once(&submissions(5)));
    assert_eq!(outcomes, [Stored, Undecided, Stored, Stored, Stored]);
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(f.rows(), 5);
}

#[test]
fn a_row_that_kills_its_backend_does_not_affect_the_others() {
    let f = fixture();
    f.on_insert("IF NEW.sqs_message_id = 'message-0002' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;");
    assert_eq!(decided(f.store.insert_once(&submissions(3))), [Stored, Undecided, Stored]);
}

#[test]
fn an_exhausted_pool_counts_as_unavailable() {
    let f = fixture_with(|settings| {
        settings.pool_size = 1;
        settings.pool_wait = Duration::from_millis(200);
    });
    // On a busy machine it may take longer than 200 ms to open the one connection.
    while f.store.ping().is_err() {}
    let mut other = f.session_that("BEGIN; LOCK TABLE forms");
    thread::scope(|scope| {
        let first = scope.spawn(|| f.store.insert_once(&submissions(1)));
        f.wait_for_blocked();
        assert_eq!(
            unavailable(f.store.insert_once(&[submission(2, "{}")])),
            Unavailable { kind: PoolTimeout, message: None }
        );
        other.batch_execute("ROLLBACK").unwrap();
        assert_eq!(decided(first.join().unwrap()), [Stored]);
    });
}

#[test]
fn dead_idle_connections_do_not_fail_a_batch() {
    let f = fixture_with(|settings| settings.pool_size = 3);
    thread::scope(|scope| {
        let mut other = f.session_that("BEGIN; LOCK TABLE forms");
        for n in 0..3 {
            let f = &f;
            scope.spawn(move || decided(f.store.insert_once(&submissions(3)[n..=n])));
        }
        f.wait_for(
            "SELECT count(*) = 3 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        other.batch_execute("ROLLBACK").unwrap();
    });
    let ended = f.database.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    assert!(ended.parse::<u32>().unwrap() >= 3);
    assert_eq!(
        decided(f.store.insert_once(&submissions(4))),
        [AlreadyStored, AlreadyStored, AlreadyStored, Stored]
    );
}

#[test]
fn a_connection_lost_during_a_batch_is_replaced_once() {
    let f = fixture();
    let mut other = f.session_that("BEGIN; LOCK TABLE forms");
    thread::scope(|scope| {
        let call = scope.spawn(|| f.store.insert_once(&submissions(2)));
        f.wait_for_blocked();
        f.database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
        other.batch_execute("ROLLBACK").unwrap();
        assert_eq!(decided(call.join().unwrap()), [Stored, Stored]);
    });
}

#[test]
fn a_connection_lost_while_rows_are_stored_one_by_one_is_replaced_too() {
    let f = fixture();
    f.on_insert(
        "IF NEW.sqs_message_id = 'message-0002' AND nextval('attempts') = 1 THEN \
             PERFORM pg_terminate_backend(pg_backend_pid()); \
         END IF;",
    );
    // The first row fails the batch before PostgreSQL reaches the second.
    let outcomes = decided(f.store.insert_once(&[
        submission(1, "no json"),
        submission(2, "{}"),
        submission(3, "{}"),
    ]));
    assert_eq!(outcomes[1..], [Stored, Stored]);
}

#[test]
fn a_restarted_server_is_unavailable_and_then_back() {
    let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
    let store = store_on(&cluster.url("postgres"), |settings| {
        settings.pool_wait = Duration::from_millis(500)
    });
    store.migrate().unwrap();
    assert_eq!(decided(store.insert_once(&submissions(1))), [Stored]);

    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        cluster.stop(shutdown);
        let error = unavailable(store.insert_once(&submissions(1)));
        assert_eq!(error.kind, ConnectionFailed, "{error}");
        assert!(error.message.unwrap().contains("Connection refused"));
        assert_eq!(store.ping().unwrap_err().kind, ConnectionFailed);
        cluster.start().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(unavailable) = store.probe() {
            assert!(Instant::now() < deadline, "{unavailable}");
        }
        assert_eq!(decided(store.insert_once(&submissions(1))), [AlreadyStored]);
    }

    // A restart that the store does not notice before the next batch.
    cluster.restart(Shutdown::Immediate).unwrap();
    assert_eq!(decided(store.insert_once(&submissions(2))), [AlreadyStored, Stored]);
}

#[test]
fn a_store_starts_without_its_database() {
    let store = store_on("postgres://test:hunter2@127.0.0.1:1/forms", |s| {
        s.pool_wait = Duration::from_millis(300)
    });
    let error = unavailable(store.insert_once(&submissions(1)));
    assert_eq!(error.kind, ConnectionFailed);
    assert!(!format!("{error} {error:?} {store:?}").contains("hunter2"));
    assert_ne!(error.kind, ConnectionLost);
}

#[test]
fn a_database_without_the_table_counts_as_unavailable() {
    let database = test_kit::postgres::TestDatabase::create();
    let store = store_on(&database.url(), |_| {});
    let error = unavailable(store.insert_once(&submissions(2)));
    assert_eq!(
        (error.kind, error.message.as_deref()),
        (StatementFailed, Some("relation \"forms\" does not exist"))
    );
}
