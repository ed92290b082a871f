//! Two workers get the same message, and it is stored once.

use serde_json::json;
use test_kit::{Fault, Signal, Stack, stack::QUEUE, wait};

const FORMS: usize = 10;

async fn all_are_stored_once(stack: &Stack) {
    stack.drained().await;
    assert_eq!(stack.rows(), FORMS);
}

#[tokio::test]
async fn a_message_that_two_workers_get_at_the_same_time_is_stored_once() {
    let stack = Stack::start();
    // This queue has no redrive policy, because the message is received far more than 20 times.
    stack.sqs.create(QUEUE, json!({})).await;
    let debug = [("RUST_LOG", "debug")];
    let workers = [stack.worker(&debug), stack.worker(&debug)];
    for worker in &workers {
        worker.ready().await;
        worker.signal(Signal::Stop);
    }
    stack.sqs.fault(Fault::on("ReceiveMessage").duplicate()).await;
    let message_id = stack.sqs.send(QUEUE, r#"{"data":"both"}"#, &[]).await;
    for worker in &workers {
        worker.signal(Signal::Continue);
    }
    // Each worker gets the message again and again.
    let field = format!("message_id={message_id}");
    for worker in &workers {
        worker.logged(&field).await;
    }
    stack.sqs.no_faults().await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    let stored = format!("Stored a form. {field}");
    let times: usize = workers.iter().map(|worker| worker.log().matches(&stored).count()).sum();
    assert_eq!(times, 1);
}

#[tokio::test]
async fn a_frozen_worker_finds_that_another_has_stored_its_messages() {
    let stack = Stack::start();
    let variables = [("SQS_VISIBILITY_TIMEOUT", "2"), ("SQS_WAIT_TIME", "20")];
    let frozen = stack.ready_worker(&variables).await;
    // Its poll is open, and the answer waits in its socket.
    frozen.signal(Signal::Stop);
    stack.sqs.send(QUEUE, r#"{"data":0}"#, &[]).await;
    wait::until_true("the message is in flight", async || {
        stack.sqs.counts(QUEUE).await.in_flight == 1
    })
    .await;
    let polls = stack.sqs.requests("ReceiveMessage").await;
    wait::until_true("the visibility timeout is over", async || {
        stack.sqs.counts(QUEUE).await.visible == 1
    })
    .await;
    assert_eq!(stack.sqs.requests("ReceiveMessage").await, polls);
    let other = stack.worker(&variables);
    stack.drained().await;
    assert_eq!(stack.rows(), 1);

    frozen.signal(Signal::Continue);
    // Each of its open polls may bring the message.
    frozen.logged("stored=0 already_stored=").await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    assert!(other.log().contains("stored=1 already_stored=0"), "{}", other.log());
}

#[tokio::test]
async fn a_worker_that_is_frozen_during_its_insert_does_no_harm() {
    let stack = Stack::start();
    let variables = [("SQS_VISIBILITY_TIMEOUT", "2")];
    let frozen = stack.ready_worker(&variables).await;
    let lock = stack.database.lock("forms");
    stack.queue_forms(0..FORMS).await;
    wait::until_true("the worker waits for the lock", async || {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        stack.database.sql(waiting) != "0"
    })
    .await;
    frozen.signal(Signal::Stop);
    drop(lock);
    let _other = stack.worker(&variables);
    all_are_stored_once(&stack).await;
    frozen.signal(Signal::Continue);
    frozen.ready().await;
    all_are_stored_once(&stack).await;
}
