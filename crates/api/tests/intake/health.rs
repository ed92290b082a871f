//! The health page needs no signature and tells nothing but states.

use serde_json::{Value, json};
use test_kit::{Stack, stack::QUEUE, wait};

async fn page(url: String) -> (u16, Value) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn readiness_follows_the_queue_and_liveness_does_not() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    assert_eq!(page(api.url("/healthcheck/ready")).await, (200, json!({ "status": "OK", "queue": "OK" })));

    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(QUEUE).await })).await;
    let red = wait::until("readiness is red", async || {
        let (status, page) = page(api.url("/healthcheck/ready/")).await;
        (status == 503).then_some(page)
    });
    assert_eq!(red.await, json!({ "status": "not ready", "queue": "the queue does not exist" }));
    assert_eq!(page(api.url("/healthcheck/")).await, (200, json!({ "status": "OK" })));
}
