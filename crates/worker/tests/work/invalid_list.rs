//! `worker invalid list` shows the messages on the invalid queue and leaves them there.

use std::{process::Stdio, time::Duration};

use serde_json::json;
use test_kit::{
    Fault, Stack, signals,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use crate::operator::{columns, command, ended, run, run_successfully};

const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";
const SIGTERM: i32 = 15;

async fn stack() -> Stack {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    stack.sqs.create(INVALID, json!({})).await;
    stack
}

#[tokio::test]
async fn each_message_is_one_line_and_its_content_is_not_shown() {
    let stack = stack().await;
    let bare = stack.sqs.send(INVALID, "{}", &[]).await;
    let attributes = [
        ("id", ID),
        ("reason", "id_taken"),
        ("original_message_id", "first"),
        ("tenant", "canary"),
    ];
    stack.sqs.send(INVALID, r#"{"data":"canary"}"#, &attributes).await;
    // A worker that is killed between the send and the delete leaves such copies.
    for _ in 0..2 {
        let attributes = [("reason", "field_required at data"), ("original_message_id", "second")];
        stack.sqs.send(INVALID, "{\"canary\"", &attributes).await;
    }
    let ended = run(&stack, "invalid list");
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        !ended.stdout.contains("canary") && !ended.stderr.contains("canary"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    let lines = columns(&ended.stdout);
    let shown: Vec<_> = lines
        .iter()
        .map(|line| [&line[0], &line[2], &line[3], &line[4]].map(String::as_str))
        .collect();
    assert_eq!(
        shown,
        [
            [bare.as_str(), "2", "1", "-"],
            [ID, "129", "1", "id_taken"],
            ["second", "74", "2", "field_required at data"],
        ]
    );
    assert!(ended.stdout.starts_with("id  "), "{}", ended.stdout);
    assert!(lines.iter().all(|line| line[1].ends_with('s')), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("3 messages, in 4 copies on directory-form-data-invalid."),
        "{}",
        ended.stderr
    );
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::visible(4));
    stack.expect_messages_left(INVALID, 4);
}

#[tokio::test]
async fn bodies_are_shown_on_request() {
    let stack = stack().await;
    stack
        .sqs
        .send(INVALID, "{\"data\": 1.50,\n\"x\": \"é\"}", &[("original_message_id", "first")])
        .await;
    stack.sqs.send(INVALID, "{\"data\"\n", &[("original_message_id", "second")]).await;
    let shown = run_successfully(&stack, "invalid list --show");
    let lines: Vec<&str> = shown.lines().skip(1).collect();
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(lines[0].starts_with("first ") && lines[2].starts_with("second "), "{shown}");
    assert_eq!((lines[1], lines[3]), (r#"{"data": 1.50, "x": "é"}"#, r#""{\"data\"\n""#));
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::visible(2));
    stack.expect_messages_left(INVALID, 2);
}

#[tokio::test]
async fn many_messages_are_each_listed_once_and_visible_again() {
    let stack = stack().await;
    for number in 0..150 {
        stack.sqs.send(INVALID, "x", &[("original_message_id", &number.to_string())]).await;
    }
    let mut met: Vec<usize> = columns(&run_successfully(&stack, "invalid list"))
        .iter()
        .map(|line| line[0].parse().unwrap())
        .collect();
    met.sort_unstable();
    assert_eq!(met, (0..150).collect::<Vec<_>>());
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::visible(150));
    stack.expect_messages_left(INVALID, 150);
}

#[tokio::test]
async fn the_list_ends_even_if_the_same_messages_keep_coming() {
    let stack = stack().await;
    stack.sqs.send(INVALID, "x", &[]).await;
    stack.sqs.fault(Fault::on("ReceiveMessage").duplicate().queue(INVALID)).await;
    assert_eq!(columns(&run_successfully(&stack, "invalid list")).len(), 1);
    stack.expect_messages_left(INVALID, 1);
}

#[tokio::test]
async fn a_list_that_is_stopped_makes_its_messages_visible_again() {
    let stack = stack().await;
    for _ in 0..20 {
        stack.sqs.send(INVALID, "x", &[]).await;
    }
    // SQS hides the messages at once and answers late, so the signal comes while a poll is open.
    stack
        .sqs
        .fault(Fault::on("ReceiveMessage").delay(Duration::from_millis(3000)).queue(INVALID))
        .await;
    let listing = command(&stack, "invalid list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait::until_true("the command has messages in flight", async || {
        stack.sqs.counts(INVALID).await.in_flight >= 10
    })
    .await;
    signals::send(listing.id(), SIGTERM).unwrap();
    let ended = ended(listing.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("stopped before the end"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::visible(20));
    stack.expect_messages_left(INVALID, 20);
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_is_reported_and_never_created() {
    let stack = Stack::start();
    let missing = run(&stack, "invalid list");
    assert_eq!((missing.status, missing.stdout.as_str()), (Some(1), ""));
    assert!(
        missing.stderr.contains("the queue does not exist") && missing.stderr.contains(INVALID),
        "{}",
        missing.stderr
    );
    let unknown = run(&stack, "invalid list --form-type enrolment");
    assert_eq!(unknown.status, Some(1));
    assert!(
        unknown.stderr.contains("there is no form type enrolment, FORM_TYPES names form"),
        "{}",
        unknown.stderr
    );
    assert_eq!((stack.sqs.url(INVALID).await, stack.sqs.url(QUEUE).await), (None, None));

    stack.sqs.create(INVALID, json!({})).await;
    stack.sqs.fault(Fault::on("ReceiveMessage").access_denied()).await;
    let denied = run(&stack, "invalid list");
    assert_eq!(denied.status, Some(1));
    assert!(denied.stderr.contains("access is denied"), "{}", denied.stderr);
}
