//! Others use the table while a migration or the end of the move needs it for a moment.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use store::MessageIds;
use test_kit::postgres::{Cluster, ClusterOptions, sql};

use crate::{
    adoption::{OLD_INSERT, OLD_TABLE},
    finish_move::migrated,
    support::store_on,
};

/// A vacuum that takes minutes.
const SLOWLY: &str = "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
    autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0";

/// A server whose autovacuum looks every second, with a database whose owner is not a superuser.
struct Server {
    cluster: Cluster,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut options = ClusterOptions::default();
        options.settings.push(("autovacuum_naptime".to_owned(), "1s".to_owned()));
        let cluster = Cluster::throwaway(options).unwrap();
        for statement in [
            "CREATE ROLE form_owner LOGIN PASSWORD 'owner'",
            "CREATE DATABASE forms OWNER form_owner",
        ] {
            sql(&cluster.url("postgres"), statement).unwrap();
        }
        let url = format!("postgres://form_owner:owner@127.0.0.1:{}/forms", cluster.port());
        Self { cluster, url }
    }

    fn sql(&self, statements: &str) -> String {
        sql(&self.url, statements).unwrap()
    }

    /// Gives autovacuum work on this table, and waits until it is at it.
    fn vacuum_slowly(&self, table: &str) {
        self.sql(&format!(
            "ALTER TABLE {table} SET ({SLOWLY});
             INSERT INTO form_form (created, data) SELECT now(), to_jsonb(repeat('x', 900)) FROM generate_series(1, 4000);
             DELETE FROM {table} WHERE id % 3 = 0"
        ));
        let at_it = format!(
            "SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid)
                 WHERE relation = '{table}'::regclass AND backend_type = 'autovacuum worker'"
        );
        let deadline = Instant::now() + Duration::from_secs(60);
        while sql(&self.cluster.url("forms"), &at_it).unwrap() != "t" {
            assert!(Instant::now() < deadline, "no autovacuum came");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Runs `work` while somebody inserts, and returns the longest time that an insert took.
fn while_somebody_inserts(url: &str, work: impl FnOnce()) -> Duration {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let inserting = scope.spawn(|| {
            let mut session = PgConnection::establish(url).unwrap();
            let mut longest = Duration::ZERO;
            for n in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let began = Instant::now();
                // After the end of the move, the view refuses.
                let _ = session.batch_execute(&OLD_INSERT.replace("old-4", &format!("during-{n}")));
                longest = longest.max(began.elapsed());
                thread::sleep(Duration::from_millis(5));
            }
            longest
        });
        let worked = panic::catch_unwind(AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        if let Err(cause) = worked {
            panic::resume_unwind(cause);
        }
        inserting.join().unwrap()
    })
}

#[test]
fn autovacuum_gives_way_to_migrations_and_to_the_end_of_the_move_and_no_insert_waits_a_second() {
    let server = Server::start();
    server.sql(OLD_TABLE);
    let store = store_on(&server.url, |_| {});
    server.vacuum_slowly("form_form");
    let longest = while_somebody_inserts(&server.url, || {
        store.migrate().unwrap();
    });
    println!("migrations: the slowest insert took {longest:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");

    server.vacuum_slowly("forms");
    let longest = while_somebody_inserts(&server.url, || {
        let began = Instant::now();
        store.index_message_ids(MessageIds::OfRowsWithoutSubmissionId).unwrap();
        println!("the end of the move took {:?}", began.elapsed());
    });
    println!("the end of the move: the slowest insert took {longest:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[test]
fn waiting_for_the_view_and_then_for_the_table_blocks_nobody_for_a_second() {
    let f = migrated();
    let both = "BEGIN; SELECT FROM forms; SAVEPOINT view; SELECT FROM form_form";
    let queued =
        "SELECT count(*) > 0 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted";
    let mut first = f.session_that("BEGIN; SELECT FROM forms");
    let longest = thread::scope(|scope| {
        let moving =
            scope.spawn(|| f.store.index_message_ids(MessageIds::OfRowsWithoutSubmissionId));
        f.wait_for("SELECT EXISTS (SELECT FROM pg_index WHERE indisvalid AND indexrelid = to_regclass('forms_sqs_message_id_alone_key'))");
        // It watches the first session now, and does not wait for one that comes later.
        thread::sleep(Duration::from_millis(300));
        let mut report = f.session_that(both);
        first.batch_execute("COMMIT").unwrap();
        f.wait_for(queued);
        let mut writer = f.session();
        let began = Instant::now();
        let inserting = scope.spawn(move || {
            writer.batch_execute(OLD_INSERT).unwrap();
            began.elapsed()
        });
        // From now on it waits for the table, if it still waits.
        thread::sleep(Duration::from_millis(300));
        report.batch_execute("ROLLBACK TO view").unwrap();
        let longest = inserting.join().unwrap();
        report.batch_execute("COMMIT").unwrap();
        moving.join().unwrap().unwrap();
        longest
    });
    println!("the insert took {longest:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}
