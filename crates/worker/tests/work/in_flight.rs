//! The messages in flight are limited in bytes and share few inserts.

use std::time::Duration;

use test_kit::{Signal, Stack, stack::QUEUE, wait};

#[tokio::test]
async fn the_bytes_in_flight_are_limited() {
    let stack = Stack::start();
    let worker = stack
        .ready_worker(&[
            // If a frozen poll times out on a busy machine, its messages come back in time.
            ("SQS_VISIBILITY_TIMEOUT", "30"),
            ("WORKER_BYTES_IN_HAND", "100000"),
            ("WORKER_POLLERS", "2"),
            ("WORKER_CONNECTIONS", "1"),
        ])
        .await;
    worker.signal(Signal::Stop);
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(10_000));
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
    // Nine messages are below the limit, and two polls of ten may have been open when it was
    // reached.
    wait::while_true("few messages are in flight", Duration::from_secs(3), async || {
        stack.sqs.counts(QUEUE).await.in_flight <= 9 + 20
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
