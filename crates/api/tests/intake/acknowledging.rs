//! 202 means that SQS has it.

use serde_json::{Value, json};
use test_kit::{
    Stack,
    forms::{post, registration},
    service::Signal,
    stack::QUEUE,
};

#[tokio::test]
async fn the_message_carries_the_id_that_the_answer_gives() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let answer = post(&reqwest::Client::new(), &api.url(""), registration(1)).await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let answer: Value = answer.json().await.unwrap();
    let messages = stack.sqs.drain(QUEUE).await;
    assert_eq!(messages.len(), 1);
    let attributes = &messages[0].attributes;
    assert_eq!(attributes["id"], answer["id"].as_str().unwrap());
    assert_eq!(attributes["form_type"], "form");
    assert!(attributes["received_at"].ends_with('Z'));
    assert_eq!(attributes["id"].as_bytes()[14], b'7', "a UUIDv7");
}

#[tokio::test]
async fn numbers_are_queued_and_echoed_with_every_digit() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let body = r#"{"data":[1.50,123456789012345678901234567890.10]}"#;
    let answer = post(&reqwest::Client::new(), &api.url(""), body).await.unwrap();
    assert!(answer.text().await.unwrap().contains("[1.50,123456789012345678901234567890.10]"));
    assert_eq!(stack.sqs.drain(QUEUE).await[0].body, body);
}

#[tokio::test]
async fn what_sqs_does_not_confirm_is_answered_with_503_and_when_to_try_again() {
    let stack = Stack::start();
    let api = stack.api(&[("SQS_SEND_TIMEOUT_SECONDS", "1")]);
    stack.ready(&api).await;
    let faults = [
        json!({ "action": "SendMessageBatch", "kind": "error", "status": 500, "code": "InternalFailure" }),
        json!({ "action": "SendMessageBatch", "kind": "error", "status": 503, "code": "ServiceUnavailable" }),
        json!({ "action": "SendMessageBatch", "kind": "error", "status": 400, "code": "ThrottlingException" }),
        json!({ "action": "SendMessageBatch", "kind": "error", "status": 403, "code": "AccessDeniedException" }),
        json!({ "action": "SendMessageBatch", "kind": "reset" }),
        json!({ "action": "SendMessageBatch", "kind": "hang" }),
        json!({ "action": "SendMessageBatch", "kind": "partial", "entries": [0], "code": "InternalError", "sender_fault": false }),
    ];
    for fault in faults {
        stack.sqs.fault(fault.clone()).await;
        let answer = post(&reqwest::Client::new(), &api.url(""), registration(1)).await.unwrap();
        assert_eq!(answer.status(), 503, "{fault}");
        assert_eq!(answer.headers()["retry-after"], "5", "{fault}");
        stack.sqs.no_faults().await;
        assert_eq!(stack.sqs.drain(QUEUE).await, [], "{fault}");
    }
    // And it goes on as before.
    assert_eq!(
        post(&reqwest::Client::new(), &api.url(""), registration(1)).await.unwrap().status(),
        202
    );
}

#[tokio::test]
async fn a_passing_fault_of_sqs_is_not_seen_outside() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let faults = [
        json!({ "action": "SendMessageBatch", "kind": "error", "status": 500, "code": "InternalFailure", "times": 1 }),
        json!({ "action": "SendMessageBatch", "kind": "reset", "times": 1 }),
        json!({ "action": "SendMessageBatch", "kind": "lost_reply", "times": 1 }),
    ];
    for fault in faults {
        stack.sqs.fault(fault.clone()).await;
        let answer = post(&reqwest::Client::new(), &api.url(""), registration(1)).await.unwrap();
        assert_eq!(answer.status(), 202, "{fault}");
        let answer: Value = answer.json().await.unwrap();
        // A lost reply leaves two messages, of one submission.
        let messages = stack.sqs.drain(QUEUE).await;
        let expected = if fault["kind"] == "lost_reply" { 2 } else { 1 };
        assert_eq!(messages.len(), expected, "{fault}");
        assert!(
            messages
                .iter()
                .all(|message| message.attributes["id"] == answer["id"].as_str().unwrap()),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn one_entry_that_fails_fails_only_its_own_request() {
    let stack = Stack::start();
    let api = stack.api(&[("SQS_SENDS_UNDER_WAY", "1"), ("SQS_SEND_LINGER_MS", "1000")]);
    stack.ready(&api).await;
    // The first call is slow, so that the others wait for it together.
    stack
        .sqs
        .fault(json!({ "action": "SendMessageBatch", "kind": "delay", "ms": 500, "times": 1 }))
        .await;
    stack.sqs.fault(json!({ "action": "SendMessageBatch", "kind": "partial", "entries": [1], "code": "InvalidMessageContents", "sender_fault": true })).await;
    let client = reqwest::Client::new();
    let origin = api.url("");
    let posts = (0..6).map(|number| post(&client, &origin, registration(number)));
    let statuses: Vec<u16> = futures_util::future::join_all(posts)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().status().as_u16())
        .collect();
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
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let body = |length: usize| format!(r#"{{"data":"{}"}}"#, "x".repeat(length));
    let client = reqwest::Client::new();
    assert_eq!(post(&client, &api.url(""), body(2048)).await.unwrap().status(), 413);
    assert_eq!(post(&client, &api.url(""), body(1800)).await.unwrap().status(), 202);

    // Where GetQueueAttributes is denied the api does not know the limit, and SQS's own refusal counts.
    stack
        .sqs
        .fault(
            json!({ "action": "GetQueueAttributes", "kind": "error", "status": 403, "code": "AccessDeniedException" }),
        )
        .await;
    let api = stack.api(&[]);
    stack.ready(&api).await;
    assert_eq!(post(&client, &api.url(""), body(2048)).await.unwrap().status(), 413);
    assert_eq!(post(&client, &api.url(""), body(1800)).await.unwrap().status(), 202);
}

#[tokio::test]
async fn it_starts_without_sqs_and_takes_forms_when_sqs_comes() {
    let stack = Stack::start();
    stack.local_sqs.signal(Signal::Stop);
    let api = stack.api(&[]);
    assert_eq!(
        post(&reqwest::Client::new(), &api.url(""), registration(1)).await.unwrap().status(),
        503
    );
    assert_eq!(reqwest::get(api.url("/healthcheck/")).await.unwrap().status(), 200);
    assert_eq!(reqwest::get(api.url("/healthcheck/ready/")).await.unwrap().status(), 503);
    stack.local_sqs.signal(Signal::Continue);
    stack.ready(&api).await;
    assert_eq!(
        post(&reqwest::Client::new(), &api.url(""), registration(1)).await.unwrap().status(),
        202
    );
}
