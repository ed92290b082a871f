//! The api stops on a signal, and loses no form that it confirmed.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use test_kit::{Fault, Signal, Stack, forms::registration, stack::QUEUE, wait};
use tokio::task::JoinSet;

#[tokio::test]
async fn an_idle_api_stops_with_0_on_either_signal() {
    let stack = Stack::start();
    for signal in [Signal::Term, Signal::Int] {
        let api = stack.ready_api(&[]).await;
        // The connection of this client stays open, and must not keep the service from stopping.
        let client = api.http();
        client.post_form(registration(1)).await.expect_status(202);
        let asked = Instant::now();
        let (status, log) = api.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal:?} {log}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?} {log}", asked.elapsed());
        drop(client);
    }
    stack.expect_messages_left(QUEUE, 2);
}

#[tokio::test]
async fn under_load_requests_in_flight_are_answered_and_every_202_is_on_the_queue() {
    let stack = Stack::start();
    for signal in [Signal::Term, Signal::Int] {
        let api = stack.ready_api(&[]).await;
        let slow = Fault::on("SendMessageBatch").delay(Duration::from_millis(100));
        stack.sqs.fault(slow).await;
        let mut senders = JoinSet::new();
        for sender in 0..20 {
            let client = api.http();
            senders.spawn(async move {
                let mut accepted = Vec::new();
                for number in 0..1000 {
                    let form = registration(sender * 1000 + number);
                    let Ok(answer) = client.try_post_form(form).await else { break };
                    accepted.push(answer.submission_id());
                }
                accepted
            });
        }
        wait::until_true(
            "every sender has an answer, and each next form is on its way",
            async || stack.sqs.counts(QUEUE).await.visible > 40,
        )
        .await;
        let (status, log) = api.stop_while_others_run(signal).await;
        assert_eq!(status.code(), Some(0), "{log}");
        let accepted: BTreeSet<_> = senders.join_all().await.into_iter().flatten().collect();
        assert!(accepted.len() > 20, "{accepted:?}");
        stack.sqs.no_faults().await;
        let queued = stack.sqs.drain(QUEUE).await;
        let queued = queued.into_iter().map(|message| message.attributes["id"].clone()).collect();
        // Every form that was in flight got its answer too, so no other form is on the queue.
        assert_eq!(accepted, queued);
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_api_at_once() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    stack.sqs.fault(Fault::on("SendMessageBatch").hang()).await;
    let client = api.http();
    let waiting = tokio::spawn(async move { client.try_post_form(registration(1)).await });
    wait::until_true("the form is on its way to SQS", async || {
        stack.sqs.requests("SendMessageBatch").await > 0
    })
    .await;
    api.signal(Signal::Term);
    api.logged("SIGTERM").await;
    let (status, log) = api.stop(Signal::Term);
    assert_eq!(status.code(), Some(130), "{log}");
    assert!(waiting.await.unwrap().is_err());
}
