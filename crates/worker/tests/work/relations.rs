//! A worker publishes the submissions of its form types for readers.

use std::process::{Child, Command, Stdio};

use test_kit::{Service, Stack, program::path_of, wait};

use super::metrics::{METRICS, metrics};

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

/// Another client with an open transaction.
struct Session {
    psql: Child,
    pid: u32,
}

impl Session {
    async fn that(stack: &Stack, statement: &str) -> Self {
        let psql = Command::new("psql")
            .args([&stack.database.url(), "--quiet", "-c"])
            .arg(format!("begin; {statement}; select pg_sleep(600) as canary"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sleeping = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        let pid =
            wait::until("the session sleeps", async || stack.database.sql(sleeping).parse().ok())
                .await;
        Self { psql, pid }
    }

    fn end(mut self, stack: &Stack) {
        stack.database.sql(&format!("select pg_terminate_backend({})", self.pid));
        self.psql.wait().unwrap();
    }
}

#[tokio::test]
async fn a_transaction_that_holds_up_an_index_is_named_and_forms_are_stored() {
    let stack = Stack::start();
    stack.ready_worker(&[]).await.logged("Built the indexes").await;
    let writer =
        Session::that(&stack, "insert into forms (form_type, data) values ('form', '{}')").await;

    let worker = stack.ready_worker(&[("FORM_TYPES", "form,enrolment")]).await;
    worker.logged("An index waits until another transaction ends.").await;
    let log = worker.log();
    assert!(log.contains(&format!("pid={}", writer.pid)) && log.contains("since="), "{log}");
    assert!(!log.contains("canary"), "no text of a query: {log}");
    stack.queue_forms([1, 2, 3]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 3);

    writer.end(&stack);
    worker.logged("Built the indexes for readers.").await;
    assert_eq!(stack.database.sql(INDEXES), "2");
}

#[tokio::test]
async fn a_worker_that_cannot_publish_stores_says_so_once_counts_it_and_tries_again() {
    let stack = Stack::start();
    stack.ready_worker(&[]).await.logged("Built the indexes").await;
    stack.database.sql("alter function record_schema(text, text) rename to elsewhere");
    let worker = stack.ready_worker(&[METRICS, ("FORM_TYPES", "form,enrolment")]).await;
    worker.logged("Readers may not see all columns of the submissions.").await;
    // Neither schema can be recorded. The view and its index are made all the same.
    unpublished(&worker, 2.0).await;
    worker.logged("Built the indexes for readers.").await;
    assert_eq!(stack.database.sql(RELATIONS), "enrolment erasures form");
    stack.queue_forms([1]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);

    stack.database.sql("alter function elsewhere(text, text) rename to record_schema");
    unpublished(&worker, 0.0).await;
    assert_eq!(stack.database.sql("select count(*) from form_schemas"), "2");
    assert_eq!(worker.log().matches("Readers may not see").count(), 1);
}

#[tokio::test]
async fn a_view_in_use_is_counted_and_replaced_when_it_is_free() {
    let stack = Stack::start();
    stack.ready_worker(&[]).await.logged("Built the indexes").await;
    // As if it were of an older schema.
    stack.database.sql("update relations set definition = '' where name = 'form'");
    let report = Session::that(&stack, "select * from submissions.form").await;
    let worker = stack.ready_worker(&[METRICS, ("FORM_TYPES", "form,enrolment")]).await;
    unpublished(&worker, 1.0).await;
    assert!(worker.log().contains("submissions.form is in use by other sessions"));
    assert_eq!(stack.database.sql(RELATIONS), "enrolment erasures form");
    report.end(&stack);
    unpublished(&worker, 0.0).await;
    let definition = "select definition <> '' from relations where name = 'form'";
    assert_eq!(stack.database.sql(definition), "t");
    assert_eq!(stack.database.sql(INDEXES), "2");
}

async fn unpublished(worker: &Service, expected: f64) {
    wait::until("the metric says so", async || {
        (metrics(worker).await.get("form_data_unpublished") == Some(&expected)).then_some(())
    })
    .await;
}
