//! A worker publishes the submissions of its form types for readers.

use std::process::Command;

use test_kit::{Stack, program::path_of, wait};

const RELATIONS: &str = "select string_agg(name, ' ' order by name) from relations";
const INDEXES: &str =
    "select count(*) from pg_class where relname like 'forms_of_%' and relkind = 'i'";

#[tokio::test]
async fn a_worker_makes_a_view_and_an_index_for_each_form_type_while_it_stores() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[("FORM_TYPES", "form,enrolment")]).await;
    worker.logged("Published the submissions for readers.").await;
    worker.logged("Built the indexes for readers.").await;
    stack.queue_forms([1, 2, 3]).await;
    stack.drained().await;
    assert_eq!(stack.database.sql(RELATIONS), "enrolment erasures form");
    assert_eq!(stack.database.sql(INDEXES), "2");
    assert_eq!(stack.database.sql("select count(*) from form_schemas"), "2");
    wait::until("readers see the rows", async || {
        (stack.database.sql("select count(data) from submissions.form") == "3").then_some(())
    })
    .await;
}

#[tokio::test]
async fn worker_migrate_publishes_and_does_so_once() {
    let stack = Stack::start();
    for expected in [true, false] {
        let output = Command::new(path_of("worker"))
            .arg("migrate")
            .env_clear()
            .env("DATABASE_URL", stack.database.url())
            .output()
            .unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{log}");
        for line in ["Published the submissions", "Built the indexes"] {
            assert_eq!(log.contains(line), expected, "{log}");
        }
    }
    assert_eq!(stack.database.sql(RELATIONS), "erasures form");
    assert_eq!(stack.database.sql(INDEXES), "1");
}

#[tokio::test]
async fn a_transaction_that_holds_up_an_index_is_named_and_forms_are_stored() {
    let stack = Stack::start();
    stack.ready_worker(&[]).await.logged("Built the indexes").await;
    // A long transaction that has written.
    let mut writer = Command::new("psql")
        .args([&stack.database.url(), "--quiet", "-c"])
        .arg("begin; insert into forms (form_type, data) values ('form', '{}'); select pg_sleep(600) as canary")
        .spawn()
        .unwrap();
    let sleeping = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let pid: u32 =
        wait::until("the writer writes", async || stack.database.sql(sleeping).parse().ok()).await;

    let worker = stack.ready_worker(&[("FORM_TYPES", "form,enrolment")]).await;
    worker.logged("An index waits until another session ends its transaction").await;
    let log = worker.log();
    assert!(log.contains(&format!("pid={pid}")) && log.contains("since="), "{log}");
    assert!(!log.contains("canary"), "no text of a query: {log}");
    stack.queue_forms([1, 2, 3]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 3);

    stack.database.sql(&format!("select pg_terminate_backend({pid})"));
    writer.wait().unwrap();
    worker.logged("Built the indexes for readers.").await;
    assert_eq!(stack.database.sql(INDEXES), "2");
}

#[tokio::test]
async fn a_worker_without_the_right_to_record_its_schema_stores_and_says_so_once() {
    let stack = Stack::start();
    stack.ready_worker(&[]).await.logged("Built the indexes").await;
    stack.database.sql("alter function record_schema(text, text) rename to elsewhere");
    let worker = stack.ready_worker(&[]).await;
    worker.logged("Readers may not see all columns of the submissions.").await;
    stack.queue_forms([1]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    assert_eq!(worker.log().matches("Readers may not see").count(), 1);
}
