//! The worker stops on a signal and loses nothing.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde_json::json;
use test_kit::{Signal, SlowNetwork, Stack, stack::QUEUE, wait};

#[tokio::test]
async fn an_idle_worker_exits_with_0_on_either_signal() {
    let stack = Stack::start();
    for signal in [Signal::Term, Signal::Int] {
        let worker = stack.ready_worker(&[]).await;
        let (status, log) = worker.stop(signal);
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[tokio::test]
async fn a_worker_that_still_waits_for_sqs_and_postgresql_exits_with_0() {
    let stack = Stack::start();
    stack.local_sqs.signal(Signal::Stop);
    let worker = stack.worker(&[("DATABASE_URL", "postgres://test:test@127.0.0.1:1/none")]);
    let (status, log) = worker.stop(Signal::Term);
    assert_eq!(status.code(), Some(0), "{log}");
    stack.local_sqs.signal(Signal::Continue);
}

#[tokio::test]
async fn after_a_stop_under_load_every_message_is_a_row_or_visible_on_the_queue() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    let total = 3000;
    let sends = (0..total).map(|number| {
        let sqs = stack.sqs.clone();
        async move { sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await }
    });
    stream::iter(sends).buffer_unordered(50).collect::<Vec<_>>().await;

    for signal in [Signal::Term, Signal::Int, Signal::Term] {
        let worker = stack.ready_worker(&[("WORKER_BATCH_ROWS", "20")]).await;
        let (status, log) = worker.stop_while_others_run(signal).await;
        assert_eq!(status.code(), Some(0), "{log}");
        // Messages in flight were settled or released, so none is hidden for the visibility
        // timeout.
        let counts = stack.sqs.counts(QUEUE).await;
        assert_eq!(counts.in_flight, 0, "{log}");
        assert_eq!(stack.rows() as u64 + counts.visible, total, "{log}");
    }
    let _worker = stack.ready_worker(&[]).await;
    stack.drained().await;
    assert_eq!(stack.rows() as u64, total);
}

/// A poll may still wait 20 s, and an insert may take 9 s. The messages of both are released, which
/// has to fit into the grace period of 28 s: otherwise they stay hidden.
#[tokio::test]
async fn a_worker_stops_in_time_although_postgresql_does_not_answer() {
    let stack = Stack::start();
    let url = stack.database.url();
    let (credentials, rest) = url.split_once('@').unwrap();
    let (address, database) = rest.split_once('/').unwrap();
    let network = SlowNetwork::before(address.parse().unwrap(), Duration::ZERO);
    let through = format!("{credentials}@127.0.0.1:{}/{database}", network.port());
    let worker = stack.ready_worker(&[("DATABASE_URL", &through), ("SQS_WAIT_TIME", "20")]).await;
    stack.queue_forms([0]).await;
    stack.drained().await;

    network.freeze();
    stack.queue_forms(1..30).await;
    wait::until_true("messages are in flight", async || {
        stack.sqs.counts(QUEUE).await.in_flight > 0
    })
    .await;
    let started = Instant::now();
    let (status, log) = worker.stop_while_others_run(Signal::Term).await;
    println!("the worker took {:?} to stop", started.elapsed());
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(started.elapsed() < Duration::from_secs(28), "{:?}", started.elapsed());
    // Released messages come back within 10 s, and not after the visibility timeout of 120 s.
    let _worker = stack.ready_worker(&[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 30);
}
