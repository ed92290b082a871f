//! The database is away, or a row makes it seem so.

use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use store::RowOutcome::{AlreadyStored, Stored, Undecided};
use store::UnavailableKind::{
    ConnectionFailed, ConnectionLost, DeadlinePassed, PoolTimeout, ReadOnly, StatementFailed,
};
use store::{Insertion, Unavailable};
use test_kit::postgres::{Cluster, ClusterOptions, Shutdown};

use crate::support::{decided, fixture, fixture_with, store_on, submission, submissions};

#[track_caller]
fn away(insertion: Insertion) -> Unavailable {
    assert!(
        insertion.outcomes.iter().all(|outcome| *outcome == Undecided),
        "{:?}",
        insertion.outcomes
    );
    insertion.unavailable.unwrap()
}

#[test]
fn a_read_only_database_is_away_until_it_is_not() {
    let f = fixture();
    let set = |value: &str| {
        let name = f.database.name();
        f.database.sql(&format!(
            "BEGIN READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = {value}; COMMIT"
        ));
    };
    set("on");
    assert_eq!(away(f.store.insert_once(&submissions(5))).kind, ReadOnly);
    assert_eq!(f.store.probe().unwrap_err().kind, ReadOnly);
    assert_eq!(f.store.ping(), Ok(()));

    set("off");
    // Sessions of before keep the old setting as long as they live.
    assert_eq!(f.store.probe(), Ok(()));
    assert_eq!(decided(f.store.insert_once(&submissions(1))), [Stored]);
}

#[test]
fn a_probe_leaves_nothing_behind() {
    let f = fixture();
    assert_eq!(f.store.probe(), Ok(()));
    assert_eq!(f.rows(), 0);
    // Too large for a page even when compressed, or it would fit into the gaps of a full disk.
    let outside =
        "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'forms'::regclass";
    assert!(f.database.sql(outside).parse::<u64>().unwrap() > 8192);
}

#[test]
fn a_full_disk_is_away_even_for_a_lone_row() {
    let f = fixture();
    f.on_insert("RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full';");
    for batch in [1, 5] {
        let away = away(f.store.insert_once(&submissions(batch)));
        assert_eq!((away.kind, away.message.as_deref()), (StatementFailed, Some("no space")));
    }
    assert_eq!(f.store.probe().unwrap_err().kind, StatementFailed);
}

#[test]
fn a_lone_row_that_keeps_failing_is_undecided_and_the_others_are_stored() {
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
fn a_row_that_another_transaction_holds_does_not_use_up_the_time_of_the_others() {
    let f = fixture_with(|settings| settings.statement_timeout = Duration::from_secs(3));
    let mut other = f.session_that(
        "BEGIN; INSERT INTO forms (sqs_message_id, data) VALUES ('message-0002', '{}')",
    );
    let outcomes = decided(f.store.insert_once(&submissions(5)));
    assert_eq!(outcomes, [Stored, Undecided, Stored, Stored, Stored]);
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(f.rows(), 5);
}

#[test]
fn a_row_that_kills_its_backend_harms_no_other() {
    let f = fixture();
    f.on_insert("IF NEW.sqs_message_id = 'message-0002' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;");
    assert_eq!(decided(f.store.insert_once(&submissions(3))), [Stored, Undecided, Stored]);
}

#[test]
fn a_lock_on_the_table_ends_with_the_statement_timeout() {
    let f = fixture_with(|settings| settings.statement_timeout = Duration::from_millis(300));
    let mut other = f.session_that("BEGIN; LOCK TABLE forms");
    let started = Instant::now();
    let away = away(f.store.insert_once(&submissions(50)));
    assert_eq!(away.kind, StatementFailed);
    assert!(away.message.unwrap().contains("statement timeout"));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(decided(f.store.insert_once(&submissions(1))), [Stored]);
}

#[test]
fn the_whole_call_ends_with_its_limit() {
    let f = fixture_with(|settings| {
        settings.statement_timeout = Duration::from_secs(1);
        settings.insert_limit = Duration::from_secs(2);
    });
    f.on_insert("IF NEW.submission_id IS NOT NULL THEN PERFORM pg_sleep(0.4); END IF;");
    let started = Instant::now();
    let insertion = f.store.insert_once(&submissions(8));
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    let stored = insertion.outcomes.iter().filter(|outcome| **outcome == Stored).count();
    assert!((1..8).contains(&stored), "{stored}");
    assert!(insertion.outcomes[stored..].iter().all(|outcome| *outcome == Undecided));
    assert!(matches!(insertion.unavailable.unwrap().kind, DeadlinePassed | StatementFailed));
    assert_eq!(f.rows(), stored as u64);
}

#[test]
fn a_connection_is_given_back_with_its_own_timeout() {
    let f = fixture_with(|settings| settings.pool_size = 1);
    f.database.sql("CREATE TABLE seen (timeout text)");
    f.on_insert("INSERT INTO seen VALUES (current_setting('statement_timeout'));");
    decided(f.store.insert_once(&submissions(1)));
    // Settled row by row, for its first row is there.
    decided(f.store.insert_once(&submissions(2)));
    decided(f.store.insert_once(&[submission(3, "{}")]));
    assert_eq!(f.database.sql("SELECT string_agg(timeout, ' ') FROM seen"), "10s 10s 10s 2s 10s");
}

#[test]
fn a_timeout_of_the_url_is_kept() {
    let f = fixture();
    f.database.sql("CREATE TABLE seen (timeout text)");
    f.on_insert("INSERT INTO seen VALUES (current_setting('statement_timeout'));");
    let url = format!("{}?options=-c%20statement_timeout%3D7s", f.database.url());
    let store = store_on(&url, |settings| settings.pool_size = 1);
    decided(store.insert_once(&submissions(1)));
    decided(store.insert_once(&submissions(1)));
    decided(store.insert_once(&[submission(3, "{}")]));
    assert_eq!(f.database.sql("SELECT string_agg(timeout, ' ') FROM seen"), "7s 7s 2s 7s");
}

#[test]
fn an_exhausted_pool_is_away_without_a_statement() {
    let f = fixture_with(|settings| {
        settings.pool_size = 1;
        settings.pool_wait = Duration::from_millis(200);
    });
    let mut other = f.session_that("BEGIN; LOCK TABLE forms");
    thread::scope(|scope| {
        let first = scope.spawn(|| f.store.insert_once(&submissions(1)));
        f.wait_for_blocked();
        assert_eq!(
            away(f.store.insert_once(&[submission(2, "{}")])),
            Unavailable { kind: PoolTimeout, message: None }
        );
        other.batch_execute("ROLLBACK").unwrap();
        assert_eq!(decided(first.join().unwrap()), [Stored]);
    });
}

#[test]
fn idle_connections_that_died_do_not_fail_a_batch() {
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
fn a_connection_lost_in_the_middle_is_replaced_once() {
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
fn a_connection_lost_while_rows_are_settled_one_by_one_is_replaced_too() {
    let f = fixture();
    f.on_insert(
        "IF NEW.sqs_message_id = 'message-0002' AND nextval('attempts') = 1 THEN \
             PERFORM pg_terminate_backend(pg_backend_pid()); \
         END IF;",
    );
    // Its first row fails the batch before the second is reached.
    let outcomes = decided(f.store.insert_once(&[
        submission(1, "no json"),
        submission(2, "{}"),
        submission(3, "{}"),
    ]));
    assert_eq!(outcomes[1..], [Stored, Stored]);
}

#[test]
fn a_server_that_is_restarted_is_away_and_back() {
    let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
    let store = store_on(&cluster.url("postgres"), |settings| {
        settings.pool_wait = Duration::from_millis(500)
    });
    store.migrate().unwrap();
    assert_eq!(decided(store.insert_once(&submissions(1))), [Stored]);

    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        cluster.stop(shutdown);
        let away = away(store.insert_once(&submissions(1)));
        assert_eq!(away.kind, ConnectionFailed, "{away}");
        assert!(away.message.unwrap().contains("Connection refused"));
        assert_eq!(store.ping().unwrap_err().kind, ConnectionFailed);
        cluster.start().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(away) = store.probe() {
            assert!(Instant::now() < deadline, "{away}");
        }
        assert_eq!(decided(store.insert_once(&submissions(1))), [AlreadyStored]);
    }

    // Without a moment's notice.
    cluster.restart(Shutdown::Immediate).unwrap();
    assert_eq!(decided(store.insert_once(&submissions(2))), [AlreadyStored, Stored]);
}

#[test]
fn a_database_that_never_was_there_is_no_error_at_the_start() {
    let store = store_on("postgres://test:hunter2@127.0.0.1:1/forms", |s| {
        s.pool_wait = Duration::from_millis(300)
    });
    let away = away(store.insert_once(&submissions(1)));
    assert_eq!(away.kind, ConnectionFailed);
    assert!(!format!("{away} {away:?} {store:?}").contains("hunter2"));
    assert_ne!(away.kind, ConnectionLost);
}

#[test]
fn a_database_without_the_table_is_away() {
    let database = test_kit::postgres::TestDatabase::create();
    let store = store_on(&database.url(), |_| {});
    let away = away(store.insert_once(&submissions(2)));
    assert_eq!(
        (away.kind, away.message.as_deref()),
        (StatementFailed, Some("relation \"forms\" does not exist"))
    );
}
