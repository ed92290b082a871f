//! Two workers have the same message, and it is stored once.

use serde_json::json;
use test_kit::{
    Stack,
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

const FORMS: usize = 10;

async fn send_forms(stack: &Stack) {
    for number in 0..FORMS {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
}

async fn all_are_stored_once(stack: &Stack) {
    stack.drained().await;
    assert_eq!(stack.rows(), FORMS);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn messages_that_two_workers_get_at_the_same_time_are_stored_once() {
    let stack = Stack::start();
    // Without a redrive policy: it is received far more often than 20 times.
    stack.sqs.create(QUEUE, json!({})).await;
    let debug = [("RUST_LOG", "debug")];
    let workers = [stack.worker(&debug), stack.worker(&debug)];
    for worker in &workers {
        stack.ready(worker).await;
        worker.signal(Signal::Stop);
    }
    stack.sqs.fault(json!({ "action": "ReceiveMessage", "kind": "duplicate" })).await;
    let message_id = stack.sqs.send(QUEUE, r#"{"data":"both"}"#, &[]).await;
    for worker in &workers {
        worker.signal(Signal::Continue);
    }
    // Each has it in hand again and again.
    let named = format!("message_id={message_id}");
    for worker in &workers {
        wait::until("a worker has it", async || worker.log().contains(&named).then_some(())).await;
    }
    stack.sqs.no_faults().await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    let stored = format!("Stored a form. {named}");
    let times: usize = workers.iter().map(|worker| worker.log().matches(&stored).count()).sum();
    assert_eq!(times, 1);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_worker_that_is_frozen_with_messages_in_hand_finds_them_stored_by_another() {
    let stack = Stack::start();
    let variables = [("SQS_VISIBILITY_TIMEOUT", "2"), ("SQS_WAIT_TIME", "20")];
    let frozen = stack.worker(&variables);
    stack.ready(&frozen).await;
    // Its poll is out, and what it is answered with waits for it in its socket.
    let before = stack.sqs.requests("ReceiveMessage").await;
    frozen.signal(Signal::Stop);
    stack.sqs.send(QUEUE, r#"{"data":0}"#, &[]).await;
    wait::until("it was given the message", async || {
        (stack.sqs.counts(QUEUE).await.in_flight == 1).then_some(())
    })
    .await;
    wait::until("its visibility timeout is over", async || {
        (stack.sqs.counts(QUEUE).await.visible == 1).then_some(())
    })
    .await;
    assert_eq!(stack.sqs.requests("ReceiveMessage").await, before);
    let other = stack.worker(&variables);
    stack.drained().await;
    assert_eq!(stack.rows(), 1);

    frozen.signal(Signal::Continue);
    wait::until("it finds it stored", async || {
        frozen.log().contains("already_stored=1").then_some(())
    })
    .await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    assert!(other.log().contains("stored=1 already_stored=0"), "{}", other.log());
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_worker_that_is_frozen_in_the_middle_of_its_insert_harms_nothing() {
    let stack = Stack::start();
    let variables = [("SQS_VISIBILITY_TIMEOUT", "2")];
    let frozen = stack.worker(&variables);
    stack.ready(&frozen).await;
    let lock = stack.database.lock("forms");
    send_forms(&stack).await;
    wait::until("it waits for the lock", async || {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        (stack.database.sql(waiting) != "0").then_some(())
    })
    .await;
    frozen.signal(Signal::Stop);
    drop(lock);
    let _other = stack.worker(&variables);
    all_are_stored_once(&stack).await;
    frozen.signal(Signal::Continue);
    stack.ready(&frozen).await;
    all_are_stored_once(&stack).await;
}
