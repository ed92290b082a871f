//! What becomes of messages that are hard to keep.

use std::time::Duration;

use serde_json::json;
use test_kit::{
    Stack,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use crate::{
    kept::{KEEPS, keeping, rows, until_empty},
    metrics::{METRICS, metrics},
};

#[tokio::test]
async fn from_the_fifth_failure_on_a_message_is_counted_and_stays_hidden_longer() {
    let stack = Stack::start();
    // It migrates and creates the queues.
    let _other = stack.ready_worker(&[]).await;
    stack
        .database
        .sql("alter table invalid_messages add constraint c check (sqs_message_id <> 'bad')");
    stack.sqs.send(INVALID, "x", &[("original_message_id", "bad")]).await;
    for _ in 0..4 {
        assert_eq!(stack.sqs.receive(INVALID, 0).await.len(), 1);
    }
    let worker = stack.ready_worker(&[KEEPS, METRICS]).await;
    let failing = r#"form_data_invalid_kept_total{form_type="form",outcome="failing"}"#;
    wait::until_true("it is counted", async || metrics(&worker).await[failing] == 1.0).await;
    // One that fails for the first time would be back after 10 s.
    wait::while_true("it stays hidden", Duration::from_secs(12), async || {
        stack.sqs.counts(INVALID).await.in_flight == 1
    })
    .await;
    stack.sqs.send(INVALID, "x", &[("original_message_id", "good")]).await;
    wait::until_true("the others are kept", async || rows(&stack).starts_with("good|")).await;
    assert_eq!(metrics(&worker).await[failing], 1.0);
    stack.allow_messages_left("the message stays hidden for 40 s or longer");
}

#[tokio::test]
async fn what_postgresql_cannot_read_comes_through_both_queues_as_it_was() {
    let (stack, _worker) = keeping().await;
    let url = stack.sqs.url(QUEUE).await.unwrap();
    let attributes = json!({
        "photo": { "DataType": "Binary.png", "BinaryValue": "AP8K" },
        "count": { "DataType": "Number.int", "StringValue": "007" },
    });
    let bodies = [
        r#"{"data":"\u0000"}"#,
        r#"{"data":"\ud800"}"#,
        "{\"data\"\t: ",
        "\u{10fffd} is no JSON",
        &"[".repeat(1 << 14),
    ];
    for body in bodies {
        let message =
            json!({ "QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes });
        stack.sqs.call("SendMessage", message).await;
    }
    wait::until_true("all are kept", async || rows(&stack).lines().count() == bodies.len()).await;
    until_empty(&stack).await;
    stack.wait_for_counts(QUEUE, Counts::NONE).await;
    for body in bodies {
        let kept = stack.database.sql(&format!(
            "select convert_from(attributes, 'UTF8')::json -> 'photo', convert_from(attributes, 'UTF8')::json -> 'count', state \
             from invalid_messages where body = convert_to($body${body}$body$, 'UTF8')"
        ));
        assert_eq!(
            kept,
            r#"{"type":"Binary.png","base64":"AP8K"}|{"type":"Number.int","value":"007"}|waiting"#,
            "{:.40}",
            body
        );
    }
}
