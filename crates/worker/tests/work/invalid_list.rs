//! `worker invalid list` shows what lies on the invalid queue, and leaves it there.

use std::process::Stdio;

use serde_json::json;
use test_kit::{
    Stack, signals,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use crate::operator::{columns, command, ended, run, run_well};

const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";
const SIGTERM: i32 = 15;

async fn stack() -> Stack {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    stack.sqs.create(INVALID, json!({})).await;
    stack
}

#[tokio::test]
async fn each_message_is_a_line_whatever_it_carries() {
    let stack = stack().await;
    let bare = stack.sqs.send(INVALID, "{}", &[]).await;
    let attributes = [
        ("id", ID),
        ("reason", "id_taken"),
        ("original_message_id", "first"),
        ("tenant", "canary"),
    ];
    stack.sqs.send(INVALID, r#"{"data":"canary"}"#, &attributes).await;
    // What a worker leaves that is killed between the send and the delete.
    for _ in 0..2 {
        let attributes = [("reason", "field_required at data"), ("original_message_id", "second")];
        stack.sqs.send(INVALID, "{\"canary\"", &attributes).await;
    }
    let ended = run(&stack, "invalid list");
    assert_eq!(ended.status, Some(0), "{}", ended.told);
    assert!(
        !ended.shown.contains("canary") && !ended.told.contains("canary"),
        "{}{}",
        ended.shown,
        ended.told
    );
    let lines = columns(&ended.shown);
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
    assert!(ended.shown.starts_with("id  "), "{}", ended.shown);
    assert!(lines.iter().all(|line| line[1].ends_with('s')), "{}", ended.shown);
    assert!(
        ended.told.contains("3 messages, in 4 copies on directory-form-data-invalid."),
        "{}",
        ended.told
    );
    assert_eq!(stack.sqs.counts(INVALID).await, Counts { visible: 4, in_flight: 0 });
}

#[tokio::test]
async fn content_is_shown_where_it_is_asked_for() {
    let stack = stack().await;
    stack
        .sqs
        .send(INVALID, "{\"data\": 1.50,\n\"x\": \"é\"}", &[("original_message_id", "first")])
        .await;
    stack.sqs.send(INVALID, "{\"data\"\n", &[("original_message_id", "second")]).await;
    let shown = run_well(&stack, "invalid list --show");
    let lines: Vec<&str> = shown.lines().skip(1).collect();
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(lines[0].starts_with("first ") && lines[2].starts_with("second "), "{shown}");
    assert_eq!((lines[1], lines[3]), (r#"{"data": 1.50, "x": "é"}"#, r#""{\"data\"\n""#));
    assert_eq!(stack.sqs.counts(INVALID).await, Counts { visible: 2, in_flight: 0 });
}

#[tokio::test]
async fn many_messages_are_each_met_once_and_visible_again() {
    let stack = stack().await;
    for number in 0..150 {
        stack.sqs.send(INVALID, "x", &[("original_message_id", &number.to_string())]).await;
    }
    let mut met: Vec<usize> = columns(&run_well(&stack, "invalid list"))
        .iter()
        .map(|line| line[0].parse().unwrap())
        .collect();
    met.sort_unstable();
    assert_eq!(met, (0..150).collect::<Vec<_>>());
    assert_eq!(stack.sqs.counts(INVALID).await, Counts { visible: 150, in_flight: 0 });
}

#[tokio::test]
async fn it_ends_where_messages_come_again_and_again() {
    let stack = stack().await;
    stack.sqs.send(INVALID, "x", &[]).await;
    stack
        .sqs
        .fault(json!({ "action": "ReceiveMessage", "queue": INVALID, "kind": "duplicate" }))
        .await;
    assert_eq!(columns(&run_well(&stack, "invalid list")).len(), 1);
}

#[tokio::test]
async fn stopped_in_the_middle_it_makes_visible_what_it_holds() {
    let stack = stack().await;
    for _ in 0..20 {
        stack.sqs.send(INVALID, "x", &[]).await;
    }
    // Taken at once, told late: the signal comes while a poll is out.
    stack
        .sqs
        .fault(json!({ "action": "ReceiveMessage", "queue": INVALID, "kind": "delay", "ms": 3000 }))
        .await;
    let listing = command(&stack, "invalid list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait::until("it holds messages", async || {
        (stack.sqs.counts(INVALID).await.in_flight >= 10).then_some(())
    })
    .await;
    signals::send(listing.id(), SIGTERM).unwrap();
    let ended = ended(listing.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(1), "{}", ended.told);
    assert!(ended.told.contains("stopped before the end"), "{}", ended.told);
    assert_eq!(ended.shown, "");
    assert_eq!(stack.sqs.counts(INVALID).await, Counts { visible: 20, in_flight: 0 });
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_told_and_nothing_is_created() {
    let stack = Stack::start();
    let missing = run(&stack, "invalid list");
    assert_eq!((missing.status, missing.shown.as_str()), (Some(1), ""));
    assert!(
        missing.told.contains("the queue does not exist") && missing.told.contains(INVALID),
        "{}",
        missing.told
    );
    let unknown = run(&stack, "invalid list --form-type enrolment");
    assert_eq!(unknown.status, Some(1));
    assert!(
        unknown.told.contains("there is no form type enrolment, FORM_TYPES names form"),
        "{}",
        unknown.told
    );
    assert_eq!((stack.sqs.url(INVALID).await, stack.sqs.url(QUEUE).await), (None, None));

    stack.sqs.create(INVALID, json!({})).await;
    stack
        .sqs
        .fault(json!({ "action": "ReceiveMessage", "kind": "error", "status": 403, "code": "AccessDeniedException" }))
        .await;
    let denied = run(&stack, "invalid list");
    assert_eq!(denied.status, Some(1));
    assert!(denied.told.contains("access is denied"), "{}", denied.told);
}
