//! While SQS is unavailable or loses requests or replies, no message is lost and none is stored
//! twice.

use std::time::{Duration, Instant};

use serde_json::json;
use test_kit::{
    Fault, Signal, Stack,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use super::database_unavailable::ready_page;

#[tokio::test]
async fn failed_polls_are_retried_with_a_backoff() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[]).await;
    for fault in [
        Fault::on("ReceiveMessage").internal_failure(),
        Fault::on("ReceiveMessage").throttled(),
        Fault::on("ReceiveMessage").reset(),
    ] {
        stack.sqs.fault(fault).await;
        let before = stack.sqs.requests("ReceiveMessage").await;
        let polls = async || stack.sqs.requests("ReceiveMessage").await - before;
        wait::while_true("the polls are rare", Duration::from_secs(2), async || polls().await < 20)
            .await;
        wait::until_true("the worker polls again", async || polls().await >= 1).await;
        stack.sqs.no_faults().await;
        stack.queue_forms([1]).await;
        stack.drained().await;
    }
}

#[tokio::test]
async fn a_poll_without_an_answer_times_out() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[("SQS_WAIT_TIME", "0")]).await;
    stack.sqs.fault(Fault::on("ReceiveMessage").hang().times(1)).await;
    worker.logged("no answer in time").await;
    stack.queue_forms([1]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

/// A look-up that SQS refuses or delays does not stop the work.
#[tokio::test]
async fn while_polls_work_readiness_asks_nothing() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    stack.sqs.fault(Fault::on("GetQueueUrl").hang()).await;
    let asked = stack.sqs.requests("GetQueueUrl").await;
    for _ in 0..3 {
        // The page is kept for a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let started = Instant::now();
        let page = worker.get("/healthcheck/ready/").await;
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        assert_eq!((page.status, &page.json()["queue"]), (200, &json!("OK")), "{}", page.body);
    }
    assert_eq!(stack.sqs.requests("GetQueueUrl").await, asked);
}

#[tokio::test]
async fn lost_replies_lose_and_duplicate_nothing() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[("SQS_VISIBILITY_TIMEOUT", "2")]).await;
    // A message whose reply is lost is hidden until its visibility timeout is over.
    for action in ["ReceiveMessage", "DeleteMessageBatch", "SendMessageBatch"] {
        stack.sqs.fault(Fault::on(action).lost_reply().times(1)).await;
    }
    let original = stack.sqs.send(QUEUE, "not json", &[]).await;
    stack.queue_forms(0..5).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
    let aside = stack.sqs.drain(INVALID).await;
    assert_eq!(aside.len(), 2, "the worker sent it again, because the first reply was lost");
    assert!(
        aside.iter().all(|message| message.attributes["original_message_id"] == original),
        "{aside:?}"
    );
}

#[tokio::test]
async fn failed_entries_of_a_release_are_retried() {
    let stack = Stack::start();
    // So long that the test would notice a message that was not released.
    let worker = stack.ready_worker(&[("SQS_VISIBILITY_TIMEOUT", "600")]).await;
    stack
        .sqs
        .fault(
            Fault::on("ChangeMessageVisibilityBatch")
                .entries_fail([0, 3], "InternalError")
                .times(1),
        )
        .await;
    stack.database.sql("alter table forms rename to gone");
    worker.signal(Signal::Stop);
    stack.queue_forms(0..10).await;
    worker.signal(Signal::Continue);
    wait::until_true("all messages are released", async || {
        stack.sqs.requests("ChangeMessageVisibilityBatch").await >= 2
            && stack.sqs.counts(QUEUE).await == Counts::visible(10)
    })
    .await;
    assert!(!worker.log().contains("could not be settled"), "{}", worker.log());
    stack.database.sql("alter table gone rename to forms");
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
}

#[tokio::test]
async fn a_queue_that_denies_access_turns_readiness_red_and_is_polled_rarely() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    stack.sqs.fault(Fault::on("ReceiveMessage").access_denied()).await;
    wait::until_true("readiness is red", async || ready_page(&worker).await.0 == 503).await;
    assert_eq!(ready_page(&worker).await.1["queue"], "access is denied");
    let before = stack.sqs.requests("ReceiveMessage").await;
    wait::while_true("the polls are rare", Duration::from_secs(3), async || {
        stack.sqs.requests("ReceiveMessage").await - before <= 1
    })
    .await;
}

#[tokio::test]
async fn refused_credentials_are_tried_again_until_they_are_accepted() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    stack.sqs.fault(Fault::on_all().error(403, "InvalidClientTokenId")).await;
    worker.logged("(InvalidClientTokenId)").await;
    wait::until_true("readiness is red", async || {
        let (status, page) = ready_page(&worker).await;
        status == 503 && page["queue"] == "access is denied"
    })
    .await;
    stack.sqs.no_faults().await;
    stack.queue_forms([1]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    worker.ready().await;
}

#[tokio::test]
async fn a_deleted_form_queue_is_created_again() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[]).await;
    stack.sqs.delete_queue(QUEUE).await;
    wait::until("the queue is back", async || stack.sqs.url(QUEUE).await).await;
    stack.queue_forms([1]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn a_deleted_invalid_queue_is_created_again() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[]).await;
    stack.sqs.delete_queue(INVALID).await;
    stack.sqs.send(QUEUE, "not json", &[]).await;
    stack.drained().await;
    assert_eq!(stack.sqs.drain(INVALID).await.len(), 1);
}

#[tokio::test]
async fn an_invalid_queue_with_an_unknown_limit_gets_the_whole_body_and_attributes_if_they_fit() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "2048" })).await;
    stack.sqs.create(INVALID, json!({ "MaximumMessageSize": "2048" })).await;
    let denied = Fault::on("GetQueueAttributes").access_denied();
    stack.sqs.fault(denied).await;
    let _worker = stack.ready_worker(&[]).await;
    stack.sqs.no_faults().await;
    let (short, long) = ("x".repeat(1000), "x".repeat(2048));
    stack.sqs.send(QUEUE, &short, &[]).await;
    stack.sqs.send(QUEUE, &long, &[]).await;
    stack.drained().await;
    let mut aside = stack.sqs.drain(INVALID).await;
    aside.sort_by_key(|message| message.body.len());
    assert_eq!(
        (aside[0].body.as_str(), aside[0].attributes["reason"].as_str()),
        (short.as_str(), "not_json")
    );
    assert_eq!((aside[1].body.as_str(), aside[1].attributes.len()), (long.as_str(), 0));
}
