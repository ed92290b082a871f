//! What is in hand is bounded, and shared out among few inserts.

use std::time::Duration;

use test_kit::{Stack, service::Signal, stack::QUEUE, wait};

#[tokio::test]
async fn what_is_in_hand_is_bounded() {
    let stack = Stack::start();
    let worker = stack.worker(&[
        ("WORKER_BYTES_IN_HAND", "100000"),
        ("WORKER_POLLERS", "2"),
        ("WORKER_CONNECTIONS", "1"),
    ]);
    stack.ready(&worker).await;
    worker.signal(Signal::Stop);
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(10_000));
    for _ in 0..100 {
        stack.sqs.send(QUEUE, &body, &[]).await;
    }
    // Nothing can be stored for a while.
    let lock = stack.database.lock("forms");
    worker.signal(Signal::Continue);
    let mut most = 0;
    for _ in 0..60 {
        most = most.max(stack.sqs.counts(QUEUE).await.in_flight);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(lock);
    // Nine of them are under the limit, and two polls of ten may have been out when it was reached.
    assert!((10..=9 + 20).contains(&most), "{most} were in hand");
    stack.drained().await;
    assert_eq!(stack.rows(), 100);
}

#[tokio::test]
async fn rows_of_several_polls_share_an_insert() {
    let stack = Stack::start();
    let worker = stack.worker(&[("WORKER_CONNECTIONS", "1")]);
    stack.ready(&worker).await;
    worker.signal(Signal::Stop);
    for number in 0..100 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    // While the first insert waits, the polls bring more.
    let lock = stack.database.lock("forms");
    worker.signal(Signal::Continue);
    wait::until("more than one poll's are in hand", async || {
        (stack.sqs.counts(QUEUE).await.in_flight > 30).then_some(())
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
