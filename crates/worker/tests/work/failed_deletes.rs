//! A worker that stores everything and deletes nothing says so, before SQS gives the messages up.

use std::time::Duration;

use test_kit::{
    Fault, Stack,
    stack::{INVALID, QUEUE},
    wait,
};

use super::{
    database_unavailable::ready_page,
    metrics::{METRICS, metrics},
};

fn sample(operation: &str, outcome: &str) -> String {
    format!(
        r#"form_data_entries_total{{form_type="form",operation="{operation}",outcome="{outcome}"}}"#
    )
}

#[tokio::test]
async fn entries_that_fail_are_counted_although_the_call_succeeds() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[METRICS, ("SQS_VISIBILITY_TIMEOUT", "5")]).await;
    assert_eq!(metrics(&worker).await[&sample("delete", "unavailable")], 0.0);
    stack.sqs.fault(Fault::on("DeleteMessageBatch").entries_fail([0, 3], "InternalError")).await;
    stack.queue_forms(0..10).await;
    wait::until_true("entries have failed", async || {
        metrics(&worker).await[&sample("delete", "unavailable")] >= 2.0
    })
    .await;
    let answered =
        r#"form_data_sqs_call_seconds_count{operation="DeleteMessageBatch",outcome="ok"}"#;
    assert!(metrics(&worker).await[answered] >= 1.0);
    stack.sqs.no_faults().await;
    stack.sqs.send(QUEUE, "not json", &[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
    wait::until_true("every delete and the send are counted", async || {
        let counted = metrics(&worker).await;
        counted[&sample("delete", "ok")] == 11.0 && counted[&sample("set_aside", "ok")] == 1.0
    })
    .await;
    stack.expect_messages_left(INVALID, 1);
}

#[tokio::test]
async fn readiness_is_red_after_a_minute_of_nothing_but_failed_deletes() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[METRICS, ("SQS_VISIBILITY_TIMEOUT", "5")]).await;
    stack.sqs.fault(Fault::on("DeleteMessageBatch").access_denied()).await;
    stack.queue_forms([1]).await;
    wait::until_true("a delete fails", async || {
        metrics(&worker).await[&sample("delete", "denied")] >= 1.0
    })
    .await;
    wait::while_true("one failure is no reason", Duration::from_secs(50), async || {
        ready_page(&worker).await.0 == 200
    })
    .await;
    wait::until_true("readiness is red", async || ready_page(&worker).await.0 == 503).await;
    let (_, page) = ready_page(&worker).await;
    assert_eq!(page["queue"], "messages cannot be deleted: access is denied");
    assert_eq!(stack.rows(), 1);
    stack.sqs.no_faults().await;
    stack.drained().await;
    worker.ready().await;
    assert_eq!(stack.rows(), 1);
}
