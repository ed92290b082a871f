//! The worker keeps the watermark of `forms` close behind the newest row.

use std::thread;

use test_kit::{Stack, postgres::sql, wait};

use crate::metrics::{METRICS, metrics};

const AGE: &str = "form_data_watermark_age_seconds";

async fn readers_see_everything(stack: &Stack) {
    let reached =
        "select (select id from watermarks where relation = 'forms') = (select max(id) from forms)";
    wait::until_true("the watermark is at the last row", async || {
        stack.database.sql(reached) == "t"
    })
    .await;
}

#[tokio::test]
async fn the_watermark_follows_the_rows_that_are_stored() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[]).await;
    for round in 0..3 {
        stack.queue_forms(round * 10..round * 10 + 10).await;
        stack.drained().await;
        readers_see_everything(&stack).await;
    }
    assert_eq!(stack.rows(), 30);
}

#[tokio::test]
async fn the_watermark_of_erasures_follows_too() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[]).await;
    stack.database.sql("select erase_submission('form', null, 'a message', 'asked')");
    wait::until_true("the erasure is below the watermark", async || {
        stack.database.sql("select id from watermarks where relation = 'erasures'") == "1"
    })
    .await;
}

#[tokio::test]
async fn an_insert_that_stays_open_holds_back_readers_and_nobody_else_and_shows_in_the_metrics() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[METRICS]).await;
    let url = stack.database.url();
    let open = "begin; insert into forms (sqs_message_id, data) values ('open', '{}'); select pg_sleep(600)";
    let open = thread::spawn(move || drop(sql(&url, open)));
    wait::until_true("the watermark waits", async || metrics(&worker).await[AGE] > 0.0).await;
    stack.queue_forms(0..5).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
    wait::until_true("it has waited a second", async || metrics(&worker).await[AGE] > 1.0).await;
    assert_eq!(stack.database.sql("select id from watermarks where relation = 'forms'"), "0");

    stack.database.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and query like '%pg_sleep(600)%' and pid <> pg_backend_pid()",
    );
    open.join().unwrap();
    readers_see_everything(&stack).await;
    wait::until_true("it waits no more", async || metrics(&worker).await[AGE] == 0.0).await;
}

#[tokio::test]
async fn if_the_watermark_cannot_be_advanced_forms_are_stored_and_the_log_says_what_to_do() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[METRICS]).await;
    stack.database.sql("alter function advance_watermark(text) rename to another_name");
    worker.logged("give the worker's role EXECUTE on advance_watermark").await;
    wait::until_true("the metric shows it", async || metrics(&worker).await[AGE] > 1.0).await;
    stack.queue_forms(0..5).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
    worker.get("/healthcheck/ready/").await.expect_status(200);
}
