//! kill -9 at any moment loses nothing that was answered with 202, and doubles nothing.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use test_kit::{
    Stack,
    forms::{post, registration},
    service::Signal,
    sqs::Counts,
    stack::INVALID,
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
                        let Ok(answer) = post(&client, &origin, registration(sender * 10_000 + number)).await else {
                            return;
                        };
                        if answer.status() == 202
                            && let Ok(answer) = answer.json::<serde_json::Value>().await
                        {
                            accepted.lock().unwrap().insert(answer["id"].as_str().unwrap().to_owned());
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
