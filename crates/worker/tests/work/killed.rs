//! kill -9 at any moment loses no form that was answered with 202, and stores none twice.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use test_kit::{
    Fault, Service, Signal, Stack,
    forms::registration,
    stack::{INVALID, QUEUE},
    wait,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_submission_answered_with_202_is_stored_once_although_api_and_worker_are_killed() {
    let stack = Stack::start();
    let short = [("SQS_VISIBILITY_TIMEOUT", "3"), ("WORKER_BATCH_ROWS", "20")];
    let accepted = Arc::new(Mutex::new(BTreeSet::new()));
    let worker = stack.ready_worker(&short).await;
    let mut worker = Some(worker);
    for round in 0..4 {
        let api = stack.ready_api(&[]).await;
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let (api, accepted) = (api.http(), Arc::clone(&accepted));
                tokio::spawn(async move {
                    for number in 0..10_000 {
                        let form = registration(sender * 10_000 + number);
                        let Ok(answer) = api.try_post_form(form).await else { return };
                        if answer.status == 202 {
                            accepted.lock().insert(answer.submission_id());
                        }
                    }
                })
            })
            .collect();
        let before = accepted.lock().len();
        let more_than = async |count: usize| accepted.lock().len() > before + count;
        // The kills come at a different moment in each round.
        let count = 50 + 25 * round;
        wait::until_true("forms are accepted", async || more_than(count).await).await;
        worker.take().unwrap().stop(Signal::Kill);
        worker = Some(stack.worker(&short));
        wait::until_true("more are accepted", async || more_than(count + 50).await).await;
        api.stop(Signal::Kill);
        for sender in senders {
            sender.await.unwrap();
        }
    }
    stack.drained().await;
    let stored: BTreeSet<String> =
        stack.database.sql("select submission_id from forms").lines().map(str::to_owned).collect();
    let accepted = accepted.lock().clone();
    assert!(accepted.len() > 100, "{} were accepted", accepted.len());
    assert_eq!(accepted.difference(&stored).count(), 0, "of {} accepted", accepted.len());
    // More rows than ids would mean a submission that is stored twice. A form without a 202 may be
    // stored too.
    assert_eq!(stack.rows(), stored.len());
}

const KILLS: usize = 4;

/// Kills the worker while SQS neither performs nor answers its delete. Then starts another worker, with
/// deletes that work, and returns when it has received and deleted the message again.
async fn kill_at_the_delete(stack: &Stack, worker: Service, send: impl Future) -> Service {
    stack.sqs.fault(Fault::on("DeleteMessageBatch").hang().queue(QUEUE)).await;
    let before = stack.sqs.requests("DeleteMessageBatch").await;
    send.await;
    wait::until_true("the worker asks for the delete", async || {
        stack.sqs.requests("DeleteMessageBatch").await > before
    })
    .await;
    worker.stop(Signal::Kill);
    stack.sqs.no_faults().await;
    let worker = stack.worker(&[("SQS_VISIBILITY_TIMEOUT", "1")]);
    stack.drained().await;
    worker
}

#[tokio::test]
async fn a_worker_killed_between_commit_and_delete_leaves_one_row() {
    let stack = Stack::start();
    let mut worker = stack.ready_worker(&[("SQS_VISIBILITY_TIMEOUT", "1")]).await;
    for number in 1..=KILLS {
        let body = format!(r#"{{"data":{number}}}"#);
        worker = kill_at_the_delete(&stack, worker, stack.sqs.send(QUEUE, &body, &[])).await;
        assert_eq!(stack.rows(), number);
        // The killed worker had committed the row.
        assert!(worker.log().contains("already_stored=1"), "{}", worker.log());
    }
}

#[tokio::test]
async fn a_worker_killed_between_send_aside_and_delete_leaves_copies_of_one_message() {
    let stack = Stack::start();
    let mut worker = stack.ready_worker(&[("SQS_VISIBILITY_TIMEOUT", "1")]).await;
    let mut sent = BTreeSet::new();
    for number in 1..=KILLS {
        let body = format!("not json {number}");
        let send = async { sent.insert(stack.sqs.send(QUEUE, &body, &[]).await) };
        worker = kill_at_the_delete(&stack, worker, send).await;
    }
    let aside = stack.sqs.drain(INVALID).await;
    assert_eq!(aside.len(), 2 * KILLS, "one from each of the two workers");
    let originals: BTreeSet<_> =
        aside.iter().map(|aside| aside.attributes["original_message_id"].clone()).collect();
    assert_eq!(originals, sent);
    assert_eq!(stack.rows(), 0);
}
