//! SQS refuses the api, or its queue is gone: nothing is taken until that is over, and then everything is again.

use reqwest::Client;
use serde_json::{Value, json};
use test_kit::{
    Service, Stack,
    forms::{post, registration},
    stack::{INVALID, QUEUE},
    wait,
};

async fn status(api: &Service) -> u16 {
    post(&Client::new(), &api.url(""), registration(1)).await.unwrap().status().as_u16()
}

async fn ready_is(api: &Service, expected: u16, queue: &str) {
    wait::until(queue, async || {
        let answer = reqwest::get(api.url("/healthcheck/ready/")).await.unwrap();
        (answer.status() == expected && answer.json::<Value>().await.unwrap()["queue"] == queue)
            .then_some(())
    })
    .await;
}

async fn taken_again(api: &Service) {
    wait::until("a form is taken", async || (status(api).await == 202).then_some(())).await;
}

async fn delete(stack: &Stack, queue: &str) {
    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(queue).await })).await;
}

#[tokio::test]
async fn refused_credentials_are_503_and_red_until_they_are_good() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    for code in
        ["AccessDeniedException", "InvalidClientTokenId", "ExpiredToken", "SignatureDoesNotMatch"]
    {
        stack
            .sqs
            .fault(json!({ "action": "*", "kind": "error", "status": 403, "code": code }))
            .await;
        assert_eq!(status(&api).await, 503, "{code}");
        ready_is(&api, 503, "access is denied").await;
        assert!(api.log().contains(&format!("access is denied ({code}")), "{}", api.log());
        stack.sqs.no_faults().await;
        assert_eq!(status(&api).await, 202, "{code}");
        ready_is(&api, 200, "OK").await;
    }
}

#[tokio::test]
async fn a_queue_that_was_deleted_is_made_again() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    // Without its invalid queue, too; and more than once.
    for _ in 0..2 {
        delete(&stack, QUEUE).await;
        delete(&stack, INVALID).await;
        assert_eq!(status(&api).await, 503);
        taken_again(&api).await;
        assert_eq!(stack.sqs.drain(QUEUE).await.len(), 1);
        let policy = stack.sqs.attributes(QUEUE).await["RedrivePolicy"].clone();
        assert!(policy.contains(INVALID), "{policy}");
    }
}

/// Where nobody sends, because an orchestrator keeps requests from whoever is not ready.
#[tokio::test]
async fn a_queue_that_was_deleted_is_made_again_when_readiness_is_asked_for() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    delete(&stack, QUEUE).await;
    ready_is(&api, 503, "the queue does not exist").await;
    ready_is(&api, 200, "OK").await;
    assert_eq!(status(&api).await, 202);
}

#[tokio::test]
async fn a_queue_that_was_deleted_and_may_not_be_made_is_used_when_it_is_back() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    let api = stack.api(&[("SQS_CREATE_QUEUES", "false")]);
    stack.ready(&api).await;
    delete(&stack, QUEUE).await;
    assert_eq!(status(&api).await, 503);
    wait::until("it is looked for", async || {
        api.log().contains("The form queue was not found").then_some(())
    })
    .await;
    assert_eq!(status(&api).await, 503);
    assert_eq!(stack.sqs.url(QUEUE).await, None);
    // With another limit, which is known from then on.
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "1024" })).await;
    taken_again(&api).await;
    wait::until("its limit is known", async || {
        api.log().contains("max_message_size=Some(1024)").then_some(())
    })
    .await;
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 1);
}
