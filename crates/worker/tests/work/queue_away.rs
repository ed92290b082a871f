//! While the queue is away, or loses what it says or is told, nothing is lost and nothing is stored twice.

use std::time::Duration;

use serde_json::json;
use test_kit::{
    Stack,
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use super::database_away::ready_page;

#[tokio::test]
async fn polls_that_fail_are_made_again_and_not_in_haste() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    for fault in [
        json!({ "action": "ReceiveMessage", "kind": "error", "status": 500, "code": "InternalFailure" }),
        json!({ "action": "ReceiveMessage", "kind": "error", "status": 400, "code": "ThrottlingException" }),
        json!({ "action": "ReceiveMessage", "kind": "reset" }),
    ] {
        stack.sqs.fault(fault).await;
        let before = stack.sqs.requests("ReceiveMessage").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let polls = stack.sqs.requests("ReceiveMessage").await - before;
        assert!((1..20).contains(&polls), "{polls} polls in 2 s");
        stack.sqs.no_faults().await;
        stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
        stack.drained().await;
    }
}

#[tokio::test]
async fn a_poll_that_never_returns_is_given_up() {
    let stack = Stack::start();
    let worker = stack.worker(&[("SQS_WAIT_TIME", "0")]);
    stack.ready(&worker).await;
    stack.sqs.fault(json!({ "action": "ReceiveMessage", "kind": "hang", "times": 1 })).await;
    wait::until("the poll fails", async || {
        worker.log().contains("no answer in time").then_some(())
    })
    .await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn replies_that_are_lost_lose_and_double_nothing() {
    let stack = Stack::start();
    let worker = stack.worker(&[("SQS_VISIBILITY_TIMEOUT", "2")]);
    stack.ready(&worker).await;
    // What the worker does not hear of is hidden until its visibility timeout is over.
    for action in ["ReceiveMessage", "DeleteMessageBatch", "SendMessageBatch"] {
        stack.sqs.fault(json!({ "action": action, "kind": "lost_reply", "times": 1 })).await;
    }
    let original = stack.sqs.send(QUEUE, "not json", &[]).await;
    for number in 0..5 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
    let aside = stack.sqs.drain(INVALID).await;
    assert_eq!(aside.len(), 2, "sent again, because nobody heard that it had arrived");
    assert!(
        aside.iter().all(|message| message.attributes["original_message_id"] == original),
        "{aside:?}"
    );
}

#[tokio::test]
async fn releases_that_fail_in_part_are_made_again_for_those_entries() {
    let stack = Stack::start();
    // Long enough for a message that was not released to be missed.
    let worker = stack.worker(&[("SQS_VISIBILITY_TIMEOUT", "600")]);
    stack.ready(&worker).await;
    stack.sqs.fault(json!({ "action": "ChangeMessageVisibilityBatch", "kind": "partial", "entries": [0, 3], "code": "InternalError", "sender_fault": false, "times": 1 })).await;
    stack.database.sql("alter table forms rename to gone");
    worker.signal(Signal::Stop);
    for number in 0..10 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    worker.signal(Signal::Continue);
    wait::until("all are released", async || {
        (stack.sqs.requests("ChangeMessageVisibilityBatch").await >= 2
            && stack.sqs.counts(QUEUE).await == Counts { visible: 10, in_flight: 0 })
        .then_some(())
    })
    .await;
    assert!(!worker.log().contains("could not be settled"), "{}", worker.log());
    stack.database.sql("alter table gone rename to forms");
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
}

#[tokio::test]
async fn a_queue_that_denies_access_turns_readiness_red_and_is_not_hammered() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack
        .sqs
        .fault(json!({ "action": "ReceiveMessage", "kind": "error", "status": 403, "code": "AccessDeniedException" }))
        .await;
    wait::until("readiness is red", async || (ready_page(&worker).await.0 == 503).then_some(()))
        .await;
    assert_eq!(ready_page(&worker).await.1["queue"], "access is denied");
    let before = stack.sqs.requests("ReceiveMessage").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(stack.sqs.requests("ReceiveMessage").await - before <= 1);
}

#[tokio::test]
async fn credentials_that_are_refused_are_tried_again_until_they_are_good() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.sqs.fault(json!({ "action": "*", "kind": "error", "status": 403, "code": "InvalidClientTokenId" })).await;
    wait::until("a poll is refused", async || {
        worker.log().contains("(InvalidClientTokenId)").then_some(())
    })
    .await;
    wait::until("readiness is red", async || {
        let (status, page) = ready_page(&worker).await;
        (status == 503 && page["queue"] == "access is denied").then_some(())
    })
    .await;
    stack.sqs.no_faults().await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    stack.ready(&worker).await;
}

#[tokio::test]
async fn a_queue_that_was_deleted_is_made_again() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(QUEUE).await })).await;
    wait::until("the queue is back", async || stack.sqs.url(QUEUE).await).await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn an_invalid_queue_that_was_deleted_is_made_again() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(INVALID).await })).await;
    stack.sqs.send(QUEUE, "not json", &[]).await;
    stack.drained().await;
    assert_eq!(stack.sqs.drain(INVALID).await.len(), 1);
}

#[tokio::test]
async fn an_invalid_queue_that_does_not_tell_its_limit_takes_the_body_whole_and_what_fits_beside() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "2048" })).await;
    stack.sqs.create(INVALID, json!({ "MaximumMessageSize": "2048" })).await;
    let denied = json!({ "action": "GetQueueAttributes", "kind": "error", "status": 403, "code": "AccessDeniedException" });
    stack.sqs.fault(denied).await;
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
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
