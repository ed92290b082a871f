//! The worker stops when it is told to, and loses nothing.

use test_kit::{
    Stack,
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
};

#[tokio::test]
async fn it_stops_with_0_when_idle_on_either_signal() {
    let stack = Stack::start();
    for signal in [Signal::Term, Signal::Int] {
        let worker = stack.worker(&[]);
        stack.ready(&worker).await;
        let (status, log) = worker.stop(signal);
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[tokio::test]
async fn it_stops_with_0_before_anything_is_there() {
    let stack = Stack::start();
    stack.local_sqs.signal(Signal::Stop);
    let worker = stack.worker(&[("DATABASE_URL", "postgres://test:test@127.0.0.1:1/none")]);
    let (status, log) = worker.stop(Signal::Term);
    assert_eq!(status.code(), Some(0), "{log}");
    stack.local_sqs.signal(Signal::Continue);
}

#[tokio::test]
async fn under_load_every_message_is_a_row_or_still_on_the_queue() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, serde_json::json!({})).await;
    let total = 3000;
    let sends = (0..total).map(|number| {
        let sqs = stack.sqs.clone();
        async move { sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await }
    });
    use futures_util::StreamExt;
    futures_util::stream::iter(sends).buffer_unordered(50).collect::<Vec<_>>().await;

    for signal in [Signal::Term, Signal::Int, Signal::Term] {
        let worker = stack.worker(&[("WORKER_BATCH_ROWS", "20")]);
        stack.ready(&worker).await;
        let (status, log) = tokio::task::spawn_blocking(move || worker.stop(signal)).await.unwrap();
        assert_eq!(status.code(), Some(0), "{log}");
        // What was in hand was settled or given back: nothing is hidden for the visibility timeout.
        let counts = stack.sqs.counts(QUEUE).await;
        assert_eq!(counts.in_flight, 0, "{log}");
        assert_eq!(stack.rows() as u64 + counts.visible, total, "{log}");
    }
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.drained().await;
    assert_eq!(stack.rows() as u64, total);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}
