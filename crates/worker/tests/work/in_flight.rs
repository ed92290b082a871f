//! The messages in flight are limited in bytes and share few inserts.

use std::time::Duration;

use serde_json::json;
use test_kit::{Signal, Stack, stack::QUEUE, wait};

use super::metrics::{METRICS, metrics};

#[tokio::test]
async fn the_bytes_in_flight_are_limited() {
    let stack = Stack::start();
    // A poll reserves 10 × 16 KiB, so that two fit.
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "16384" })).await;
    let worker = stack
        .ready_worker(&[
            // If a frozen poll times out on a busy machine, its messages come back in time.
            ("SQS_VISIBILITY_TIMEOUT", "30"),
            ("WORKER_BYTES_IN_HAND", "330000"),
            ("WORKER_POLLERS", "4"),
            ("WORKER_CONNECTIONS", "1"),
            METRICS,
        ])
        .await;
    worker.signal(Signal::Stop);
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(15_000));
    for _ in 0..100 {
        stack.sqs.send(QUEUE, &body, &[]).await;
    }
    // The lock keeps the worker from storing anything.
    let lock = stack.database.lock("forms");
    worker.signal(Signal::Continue);
    wait::until_true("ten messages are in flight", async || {
        stack.sqs.counts(QUEUE).await.in_flight >= 10
    })
    .await;
    wait::until_true("the metrics show them", async || {
        let counted = metrics(&worker).await;
        let bytes = counted[r#"form_data_in_flight_bytes{of="messages"}"#];
        let messages = counted["form_data_in_flight"];
        messages >= 10.0 && bytes == messages * body.len() as f64
    })
    .await;
    // A third poll would not fit beside what two have brought.
    wait::while_true("few messages are in flight", Duration::from_secs(3), async || {
        stack.sqs.counts(QUEUE).await.in_flight <= 330_000 / 15_000
    })
    .await;
    drop(lock);
    stack.drained().await;
    assert_eq!(stack.rows(), 100);
}

#[tokio::test]
async fn rows_of_several_polls_share_an_insert() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[("WORKER_CONNECTIONS", "1")]).await;
    worker.signal(Signal::Stop);
    stack.queue_forms(0..100).await;
    // While the first insert waits for the lock, the polls bring more.
    let lock = stack.database.lock("forms");
    worker.signal(Signal::Continue);
    wait::until_true("messages of several polls are in flight", async || {
        stack.sqs.counts(QUEUE).await.in_flight > 30
    })
    .await;
    drop(lock);
    stack.drained().await;
    assert_eq!(stack.rows(), 100);
    let log = worker.log();
    let batches = log
        .split(" messages=")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse::<usize>().ok());
    assert!(batches.max() > Some(10), "{log}");
}
