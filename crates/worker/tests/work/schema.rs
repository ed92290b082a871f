//! A worker migrates the schema or waits for it.

use std::process::Command;

use test_kit::{Stack, program::path_of};

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
