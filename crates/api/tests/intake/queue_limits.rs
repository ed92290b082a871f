//! The queue's limit on a message may change while the api runs.

use serde_json::json;
use test_kit::{Stack, stack::QUEUE, wait};

#[tokio::test]
async fn a_limit_that_was_lowered_is_looked_up_once_sqs_refuses_a_form() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let url = stack.sqs.url(QUEUE).await;
    let input = json!({ "QueueUrl": url, "Attributes": { "MaximumMessageSize": "1024" } });
    stack.sqs.call("SetQueueAttributes", input).await;
    let long = json!({ "data": "x".repeat(2000) }).to_string();
    // Once the api knows the limit, it refuses the form without a call.
    wait::until_true("the api knows the limit", async || {
        let before = stack.sqs.requests("SendMessageBatch").await;
        api.post_form(long.clone()).await.expect_status(413);
        stack.sqs.requests("SendMessageBatch").await == before
    })
    .await;
    api.post_form(json!({ "data": "short" }).to_string()).await.expect_status(202);
    stack.expect_messages_left(QUEUE, 1);
}
