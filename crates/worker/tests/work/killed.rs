//! kill -9 at any moment loses nothing that was answered with 202, and doubles nothing.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use test_kit::{
    Service, Stack,
    forms::{post, registration},
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_submission_that_got_a_202_is_a_row_once_whoever_is_killed() {
    let stack = Stack::start();
    let short = [("SQS_VISIBILITY_TIMEOUT", "3"), ("WORKER_BATCH_ROWS", "20")];
    let accepted = Arc::new(Mutex::new(BTreeSet::new()));
    let worker = stack.worker(&short);
    stack.ready(&worker).await;
    let mut worker = Some(worker);
    for round in 0..4 {
        let api = stack.api(&[]);
        stack.ready(&api).await;
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let (origin, accepted) = (api.url(""), Arc::clone(&accepted));
                tokio::spawn(async move {
                    let client = reqwest::Client::new();
                    for number in 0..10_000 {
                        let Ok(answer) =
                            post(&client, &origin, registration(sender * 10_000 + number)).await
                        else {
                            return;
                        };
                        if answer.status() == 202
                            && let Ok(answer) = answer.json::<serde_json::Value>().await
                        {
                            accepted
                                .lock()
                                .unwrap()
                                .insert(answer["id"].as_str().unwrap().to_owned());
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(400 + 150 * round)).await;
        worker.take().unwrap().stop(Signal::Kill);
        worker = Some(stack.worker(&short));
        tokio::time::sleep(Duration::from_millis(300)).await;
        api.stop(Signal::Kill);
        for sender in senders {
            sender.await.unwrap();
        }
    }
    stack.drained().await;
    let stored: BTreeSet<String> =
        stack.database.sql("select submission_id from forms").lines().map(str::to_owned).collect();
    let accepted = accepted.lock().unwrap().clone();
    assert!(accepted.len() > 100, "{} were accepted", accepted.len());
    assert_eq!(accepted.difference(&stored).count(), 0, "of {} accepted", accepted.len());
    // A row more than ids would be a submission stored twice; what was stored without a 202 may be there.
    assert_eq!(stack.rows(), stored.len());
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

const KILLS: usize = 4;

/// Kills the worker when it has asked for a delete that SQS keeps unanswered and undone; starts another without that,
/// and returns when the message, which came again, is deleted.
async fn kill_at_the_delete(stack: &Stack, worker: Service, send: impl Future) -> Service {
    stack
        .sqs
        .fault(json!({ "action": "DeleteMessageBatch", "queue": QUEUE, "kind": "hang" }))
        .await;
    let before = stack.sqs.requests("DeleteMessageBatch").await;
    send.await;
    wait::until("the delete is called", async || {
        (stack.sqs.requests("DeleteMessageBatch").await > before).then_some(())
    })
    .await;
    worker.stop(Signal::Kill);
    stack.sqs.no_faults().await;
    let worker = stack.worker(&[("SQS_VISIBILITY_TIMEOUT", "1")]);
    stack.drained().await;
    worker
}

#[tokio::test]
async fn a_worker_that_is_killed_between_commit_and_delete_leaves_one_row() {
    let stack = Stack::start();
    let mut worker = stack.worker(&[("SQS_VISIBILITY_TIMEOUT", "1")]);
    stack.ready(&worker).await;
    for number in 1..=KILLS {
        let body = format!(r#"{{"data":{number}}}"#);
        worker = kill_at_the_delete(&stack, worker, stack.sqs.send(QUEUE, &body, &[])).await;
        assert_eq!(stack.rows(), number);
        // The row was there before: it was committed by the one that was killed.
        assert!(worker.log().contains("already_stored=1"), "{}", worker.log());
    }
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_worker_that_is_killed_between_setting_aside_and_delete_leaves_copies_of_one_message() {
    let stack = Stack::start();
    let mut worker = stack.worker(&[("SQS_VISIBILITY_TIMEOUT", "1")]);
    stack.ready(&worker).await;
    let mut sent = BTreeSet::new();
    for number in 1..=KILLS {
        let body = format!("not json {number}");
        let send = async { sent.insert(stack.sqs.send(QUEUE, &body, &[]).await) };
        worker = kill_at_the_delete(&stack, worker, send).await;
    }
    let aside = stack.sqs.drain(INVALID).await;
    assert_eq!(aside.len(), 2 * KILLS, "one of each life");
    let originals: BTreeSet<_> =
        aside.iter().map(|aside| aside.attributes["original_message_id"].clone()).collect();
    assert_eq!(originals, sent);
    assert_eq!(stack.rows(), 0);
}
