//! The stack of a test: it says when messages are left, and local-sqs understands its faults.

#![expect(clippy::expect_used, reason = "the helpers of tests are tests")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use test_kit::{
    Fault, Signal, Stack,
    sqs::Counts,
    stack::{INVALID, QUEUE},
};

/// What the end of a test with this stack says, if it fails.
fn failure_at_end(stack: Stack) -> Option<String> {
    let failed = catch_unwind(AssertUnwindSafe(|| drop(stack))).err()?;
    Some(failed.downcast_ref::<String>().expect("a message").clone())
}

async fn stack_with_a_message_on(queue: &str) -> Stack {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, serde_json::json!({})).await;
    stack.sqs.create(queue, serde_json::json!({})).await;
    stack.sqs.send(queue, "{}", &[]).await;
    stack
}

#[tokio::test]
async fn a_test_that_leaves_a_message_fails() {
    for queue in [QUEUE, INVALID, "directory-enrolment"] {
        let stack = stack_with_a_message_on(queue).await;
        let failure = failure_at_end(stack).expect("it fails");
        assert!(failure.contains(&format!("{{\"{queue}\": 1}}")), "{failure}");
    }
}

#[tokio::test]
async fn a_message_in_flight_is_left_too_and_faults_do_not_hide_it() {
    let stack = stack_with_a_message_on(QUEUE).await;
    assert_eq!(stack.sqs.receive(QUEUE, 600).await.len(), 1);
    stack.sqs.fault(Fault::on_all().access_denied()).await;
    assert!(failure_at_end(stack).is_some());
}

#[tokio::test]
async fn expected_messages_may_be_left_and_must_be() {
    for (expected, fails) in [(0, true), (1, false), (2, true)] {
        let stack = stack_with_a_message_on(INVALID).await;
        stack.expect_messages_left(INVALID, expected);
        assert_eq!(failure_at_end(stack).is_some(), fails, "{expected}");
    }
    let stack = stack_with_a_message_on(QUEUE).await;
    stack.allow_messages_left("this test is about the check");
    assert_eq!(failure_at_end(stack), None);
}

#[tokio::test]
async fn nothing_is_checked_while_a_test_panics() {
    let stack = stack_with_a_message_on(QUEUE).await;
    // A second panic would abort the process.
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let _stack = stack;
        panic!("the test's own");
    }));
    assert_eq!(failed.unwrap_err().downcast_ref::<&str>(), Some(&"the test's own"));
}

#[tokio::test]
async fn a_killed_queue_server_ends_the_check() {
    let stack = stack_with_a_message_on(QUEUE).await;
    stack.kill_queue_server().await;
    assert_eq!(failure_at_end(stack), None);
}

#[tokio::test]
async fn local_sqs_understands_every_fault() {
    let stack = Stack::start();
    let second = Duration::from_secs(1);
    let on = || Fault::on("SendMessageBatch");
    for fault in [
        on().error(503, "ServiceUnavailable").times(2),
        on().internal_failure().probability(0.3).seed(7),
        on().service_unavailable(),
        on().throttled().blamed_on_sender(),
        on().access_denied().queue(INVALID),
        on().reset(),
        on().hang(),
        on().delay(second),
        on().delay_before_work(second),
        on().lost_reply(),
        on().entries_fail([0, 3], "InternalError"),
        on().any_entries_fail("InternalError").probability(0.3),
        Fault::on("ReceiveMessage").duplicate(),
        Fault::on_all().reset(),
    ] {
        stack.sqs.try_fault(fault.clone()).await.unwrap_or_else(|error| panic!("{fault}: {error}"));
    }
}

#[tokio::test]
async fn a_fault_applies_to_its_queue_as_often_as_it_says() {
    let stack = stack_with_a_message_on(QUEUE).await;
    stack.sqs.create(INVALID, serde_json::json!({})).await;
    stack.sqs.fault(Fault::on("GetQueueAttributes").throttled().queue(QUEUE).times(2)).await;
    assert!(stack.sqs.try_counts(INVALID).await.is_ok());
    assert!(stack.sqs.try_counts(QUEUE).await.is_err());
    assert!(stack.sqs.try_counts(QUEUE).await.is_err());
    assert_eq!(stack.sqs.try_counts(QUEUE).await.unwrap(), Counts::visible(1));
    stack.expect_messages_left(QUEUE, 1);
}

#[tokio::test]
async fn a_form_is_posted_stored_and_settled() {
    let stack = Stack::start();
    let (api, worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);
    let id = api.post_form(r#"{"data": 1}"#).await.submission_id();
    stack.wait_for_rows(1).await;
    stack.drained().await;
    assert_eq!(stack.database.sql("select submission_id from forms"), id);

    api.request("GET", "/").send().await.expect_status(400);
    let index = api.request("GET", "/").signed().send_raw().await.expect_status(200);
    assert_eq!(index.json(), serde_json::json!({ "form": "http://forms.example/form/" }));
    assert_eq!(index.header("content-TYPE"), Some("application/json"));
    assert!(index.closed);

    let (status, log) = worker.stop_while_others_run(Signal::Term).await;
    assert_eq!(status.code(), Some(0), "{log}");
}
