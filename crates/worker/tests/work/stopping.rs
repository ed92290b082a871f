//! The worker stops on a signal and loses nothing.

use futures_util::{StreamExt, stream};
use serde_json::json;
use test_kit::{Signal, Stack, stack::QUEUE};

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
