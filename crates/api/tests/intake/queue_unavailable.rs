//! SQS denies access, or the queue is gone: no form is accepted until that is over, and then every
//! form is again.

use serde_json::json;
use test_kit::{
    Fault, Service, Stack,
    forms::{self, registration},
    stack::{INVALID, QUEUE},
    wait,
};

async fn wait_for_readiness(api: &Service, status: u16, queue: &str) {
    wait::until_true(&format!("readiness shows {queue:?}"), async || {
        let page = api.get("/healthcheck/ready/").await;
        page.status == status && page.json()["queue"] == queue
    })
    .await;
}

async fn wait_until_accepted(api: &Service) {
    wait::until_true("a form is accepted", async || {
        api.post_form(registration(1)).await.status == 202
    })
    .await;
}

#[tokio::test]
async fn denied_credentials_mean_503_and_red_until_they_are_good() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let codes =
        ["AccessDeniedException", "InvalidClientTokenId", "ExpiredToken", "SignatureDoesNotMatch"];
    for code in codes {
        stack.sqs.fault(Fault::on_all().error(403, code)).await;
        assert_eq!(api.post_form(registration(1)).await.status, 503, "{code}");
        wait_for_readiness(&api, 503, "access is denied").await;
        assert!(api.log().contains(&format!("access is denied ({code}")), "{}", api.log());
        stack.sqs.no_faults().await;
        assert_eq!(api.post_form(registration(1)).await.status, 202, "{code}");
        wait_for_readiness(&api, 200, "OK").await;
    }
    stack.expect_messages_left(QUEUE, 4);
}

/// Otherwise the log would only show that the metadata address of AWS does not answer.
#[tokio::test]
async fn without_credentials_the_log_says_what_to_set() {
    let stack = Stack::start();
    for metadata in [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        // Nothing listens there.
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"),
    ] {
        let own = [("UI_SECRET", forms::SECRET), ("AWS_ENDPOINT_URL_SQS", stack.sqs.endpoint())];
        let api = Service::start("api", &[&own[..], &[metadata]].concat());
        api.logged("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or").await;
        let log = api.log();
        let line = log.lines().find(|line| line.contains("no credentials: set")).unwrap();
        assert!(line.contains("access is denied") && !line.contains("\\n"), "{line}");
        wait_for_readiness(&api, 503, "the queue was not found yet").await;
    }
}

#[tokio::test]
async fn a_deleted_queue_is_created_again() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    // With its invalid queue, and more than once.
    for _ in 0..2 {
        stack.sqs.delete_queue(QUEUE).await;
        stack.sqs.delete_queue(INVALID).await;
        api.post_form(registration(1)).await.expect_status(503);
        wait_until_accepted(&api).await;
        assert_eq!(stack.sqs.drain(QUEUE).await.len(), 1);
        let policy = stack.sqs.attributes(QUEUE).await["RedrivePolicy"].clone();
        assert!(policy.contains(INVALID), "{policy}");
    }
}

/// An orchestrator sends no requests to a service that is not ready, so a form may never come.
#[tokio::test]
async fn a_readiness_check_is_enough_to_create_a_deleted_queue_again() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    stack.sqs.delete_queue(QUEUE).await;
    wait_for_readiness(&api, 503, "the queue does not exist").await;
    wait_for_readiness(&api, 200, "OK").await;
    api.post_form(registration(1)).await.expect_status(202);
    stack.expect_messages_left(QUEUE, 1);
}

#[tokio::test]
async fn a_deleted_queue_that_the_api_may_not_create_is_used_once_it_is_back() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    let api = stack.ready_api(&[("SQS_CREATE_QUEUES", "false")]).await;
    stack.sqs.delete_queue(QUEUE).await;
    api.post_form(registration(1)).await.expect_status(503);
    api.logged("The form queue was not found").await;
    api.post_form(registration(1)).await.expect_status(503);
    assert_eq!(stack.sqs.url(QUEUE).await, None);
    // The new queue has another limit, which the api learns.
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "1024" })).await;
    wait_until_accepted(&api).await;
    api.logged("max_message_size=1024").await;
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 1);
}
