//! The schema is brought up to date, or waited for.

use std::process::Command;

use test_kit::{Stack, service::path_of, stack::QUEUE, wait};

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
async fn a_worker_that_may_not_migrate_waits_says_why_and_goes_on_after_worker_migrate() {
    let stack = Stack::start();
    let worker = stack.worker(&[("MIGRATE_ON_START", "false")]);
    wait::until("it says why", async || {
        worker.log().contains("run `worker migrate`").then_some(())
    })
    .await;
    assert_eq!(stack.database.sql("select to_regclass('forms') is null"), "t");
    for _ in 0..2 {
        let (status, log) = migrate(&stack.database.url());
        assert_eq!(status, Some(0), "{log}");
    }
    stack.ready(&worker).await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn two_workers_may_start_at_once_on_an_empty_database() {
    let stack = Stack::start();
    let workers = [stack.worker(&[]), stack.worker(&[])];
    for worker in &workers {
        stack.ready(worker).await;
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
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    assert!(worker.log().contains("newer than this worker"), "{}", worker.log());
}

#[test]
fn a_database_that_is_not_there_fails_worker_migrate_without_showing_its_password() {
    let (status, log) = migrate("postgres://test:canary@127.0.0.1:1/x");
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("connection_failed") && !log.contains("canary"), "{log}");
}
