//! 202 means that SQS has the form.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use test_kit::{Fault, Signal, Stack, forms::registration, stack::QUEUE};

const SEND: &str = "SendMessageBatch";

#[tokio::test]
async fn the_message_carries_the_id_in_the_answer() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let answer = api.post_form(registration(1)).await.expect_status(202);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    let messages = stack.sqs.drain(QUEUE).await;
    assert_eq!(messages.len(), 1);
    let attributes = &messages[0].attributes;
    assert_eq!(attributes["id"], answer.submission_id());
    assert_eq!(attributes["form_type"], "form");
    assert_eq!(
        attributes["schema_digest"],
        "46fecd8c5085f5b0b93965798fef3de2e456bcbe309f526ff7aefe6d9461c1a7",
        "jq -cjS . form.schema.json | sha256sum"
    );
    assert!(attributes["received_at"].ends_with('Z'));
    assert_eq!(attributes["id"].as_bytes()[14], b'7', "a UUIDv7");
}

#[tokio::test]
async fn numbers_are_queued_and_echoed_with_every_digit() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let body = r#"{"data":[1.50,123456789012345678901234567890.10]}"#;
    let answer = api.post_form(body).await;
    assert!(answer.body.contains("[1.50,123456789012345678901234567890.10]"), "{answer:?}");
    assert_eq!(stack.sqs.drain(QUEUE).await[0].body, body);
}

#[tokio::test]
async fn a_form_that_sqs_does_not_confirm_gets_503_with_retry_after() {
    let stack = Stack::start();
    let api = stack.ready_api(&[("SQS_SEND_TIMEOUT_SECONDS", "1")]).await;
    let faults = [
        Fault::on(SEND).internal_failure(),
        Fault::on(SEND).service_unavailable(),
        Fault::on(SEND).throttled(),
        Fault::on(SEND).access_denied(),
        Fault::on(SEND).reset(),
        Fault::on(SEND).hang(),
        Fault::on(SEND).entries_fail([0], "InternalError"),
    ];
    for fault in faults {
        stack.sqs.fault(fault.clone()).await;
        let answer = api.post_form(registration(1)).await;
        assert!(
            answer.status == 503 && answer.header("Retry-After").is_some(),
            "{fault} {answer:?}"
        );
        stack.sqs.no_faults().await;
        assert_eq!(stack.sqs.drain(QUEUE).await, [], "{fault}");
    }
    // After all these faults, forms are accepted as before.
    api.post_form(registration(1)).await.expect_status(202);
    stack.expect_messages_left(QUEUE, 1);
}

#[tokio::test]
async fn a_sender_does_not_notice_a_passing_fault_of_sqs() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let lost_reply = Fault::on(SEND).lost_reply().times(1);
    let faults = [
        (Fault::on(SEND).internal_failure().times(1), 1),
        (Fault::on(SEND).reset().times(1), 1),
        // A lost reply leaves two messages of one submission.
        (lost_reply, 2),
    ];
    for (fault, expected) in faults {
        stack.sqs.fault(fault.clone()).await;
        let id = api.post_form(registration(1)).await.submission_id();
        let messages = stack.sqs.drain(QUEUE).await;
        assert_eq!(messages.len(), expected, "{fault}");
        assert!(messages.iter().all(|message| message.attributes["id"] == id), "{fault}");
    }
}

#[tokio::test]
async fn an_entry_that_fails_fails_only_its_own_request() {
    let stack = Stack::start();
    let one_at_a_time = [("SQS_SENDS_UNDER_WAY", "1"), ("SQS_SEND_LINGER_MS", "1000")];
    let api = stack.ready_api(&one_at_a_time).await;
    // The first call is slow, so that the other forms wait together for the next call.
    stack.sqs.fault(Fault::on(SEND).delay(Duration::from_millis(500)).times(1)).await;
    let second_entry = Fault::on(SEND).entries_fail([1], "InvalidMessageContents");
    stack.sqs.fault(second_entry.blamed_on_sender()).await;
    let answers = join_all((0..6).map(|number| api.post_form(registration(number)))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let accepted = statuses.iter().filter(|status| **status == 202).count();
    assert!(accepted < 6, "no call had two entries: {statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 202 | 500)), "{statuses:?}");
    stack.sqs.no_faults().await;
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), accepted);
}

#[tokio::test]
async fn a_form_that_is_too_long_for_the_queue_gets_413() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "2048" })).await;
    let api = stack.ready_api(&[]).await;
    let body = |length: usize| format!(r#"{{"data":"{}"}}"#, "x".repeat(length));
    api.post_form(body(2048)).await.expect_status(413);
    // It fits without the digest of the schema.
    api.post_form(body(1800)).await.expect_status(202);

    // If GetQueueAttributes is denied, the api does not know the limit, and SQS itself refuses the
    // form.
    stack.sqs.fault(Fault::on("GetQueueAttributes").access_denied()).await;
    let api = stack.ready_api(&[]).await;
    api.post_form(body(2048)).await.expect_status(413);
    api.post_form(body(1800)).await.expect_status(202);
    // There was no room for the digest of the schema.
    let queued = stack.sqs.drain(QUEUE).await;
    assert_eq!(queued.len(), 2);
    assert!(queued.iter().all(|message| !message.attributes.contains_key("schema_digest")));
}

#[tokio::test]
async fn the_api_starts_without_sqs_and_accepts_forms_once_sqs_is_there() {
    let stack = Stack::start();
    stack.local_sqs.signal(Signal::Stop);
    let api = stack.api(&[]);
    api.post_form(registration(1)).await.expect_status(503);
    api.get("/healthcheck/").await.expect_status(200);
    api.get("/healthcheck/ready/").await.expect_status(503);
    stack.local_sqs.signal(Signal::Continue);
    api.ready().await;
    api.post_form(registration(1)).await.expect_status(202);
    stack.expect_messages_left(QUEUE, 1);
}
