//! A worker migrates the schema or waits for it.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use test_kit::{Stack, program::path_of, wait};

use super::old_database::{OLD_TABLE, old_insert};

fn migrate(url: &str) -> (Option<i32>, String) {
    let output = Command::new(path_of("worker"))
        .arg("migrate")
        .env_clear()
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_worker_that_may_not_migrate_says_so_and_waits_for_worker_migrate() {
    let stack = Stack::start();
    let worker = stack.worker(&[("MIGRATE_ON_START", "false")]);
    worker.logged("run `worker migrate`").await;
    assert_eq!(stack.database.sql("select to_regclass('forms') is null"), "t");
    for _ in 0..2 {
        let (status, log) = migrate(&stack.database.url());
        assert_eq!(status, Some(0), "{log}");
    }
    worker.ready().await;
    stack.queue_forms([1]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn two_workers_can_start_at_the_same_time_on_an_empty_database() {
    let stack = Stack::start();
    let workers = [stack.worker(&[]), stack.worker(&[])];
    for worker in &workers {
        worker.ready().await;
    }
    assert_eq!(stack.rows(), 0);
}

#[tokio::test]
async fn a_newer_schema_is_used_with_a_warning() {
    let stack = Stack::start();
    migrate(&stack.database.url());
    stack
        .database
        .sql("insert into __diesel_schema_migrations (version) values ('29991231000000')");
    let worker = stack.ready_worker(&[]).await;
    assert!(worker.log().contains("newer than this worker"), "{}", worker.log());
}

#[test]
fn worker_migrate_fails_without_a_database_and_hides_the_password() {
    let (status, log) = migrate("postgres://test:canary@127.0.0.1:1/x");
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("connection_failed") && !log.contains("canary"), "{log}");
}

/// How many inserts of the 2016 worker succeed in this time, and how many wait for the lock of the
/// table for more than 300 ms.
fn watch_inserts(stack: &Stack, during: Duration) -> (usize, usize) {
    let started = Instant::now();
    let (mut inserted, mut blocked) = (0, 0);
    for number in 0.. {
        if started.elapsed() > during {
            break;
        }
        let insert = format!("set lock_timeout = '300ms'; {}", old_insert(number));
        match stack.database.try_sql(&insert) {
            Ok(_) => inserted += 1,
            Err(error) => {
                assert!(error.to_string().contains("lock timeout"), "{error}");
                blocked += 1;
            }
        }
    }
    (inserted, blocked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_waits_for_a_long_reader_blocks_nobody_and_names_it() {
    let stack = Stack::start();
    stack.database.sql(OLD_TABLE);
    // Longer than a migration ever waits, as a dump is.
    let reader = Reader::start(&stack);
    let pid = wait::until("the reader reads", async || reader.pid(&stack)).await;
    let worker = stack.worker(&[]);
    let (inserted, blocked) =
        tokio::task::block_in_place(|| watch_inserts(&stack, Duration::from_secs(12)));
    println!("inserts beside a waiting migration: {inserted} done, {blocked} blocked");
    assert!(inserted > 0 && blocked == 0, "{inserted} done, {blocked} blocked");
    let log = worker.log();
    assert!(log.contains(&format!("pid={pid}")), "{log}");
    assert!(log.contains("since="), "{log}");
    assert!(!log.contains("canary"), "no text of a query: {log}");

    stack.database.sql(&format!("select pg_terminate_backend({pid})"));
    drop(reader);
    worker.ready().await;
    assert_eq!(stack.database.sql("select to_regclass('forms') is not null"), "t");
}

/// A session with an open transaction that has read the table.
struct Reader(Child);

impl Reader {
    fn start(stack: &Stack) -> Self {
        let read = "begin; select count(*) from form_form; select pg_sleep(600) as canary";
        let mut psql = Command::new("psql");
        psql.args([&stack.database.url(), "-c", read]).stdout(Stdio::null()).stderr(Stdio::null());
        Self(psql.spawn().unwrap())
    }

    fn pid(&self, stack: &Stack) -> Option<u32> {
        let sleeping = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        stack.database.sql(sleeping).parse().ok()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
