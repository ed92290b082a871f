//! `worker redrive` sends invalid messages back, and no form is stored twice.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use test_kit::{
    Fault, Signal, Stack,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use crate::operator::{columns, command, run_successfully};

const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";
pub const ONE: Counts = Counts::visible(1);

fn milliseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

pub async fn queues() -> Stack {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    stack.sqs.create(INVALID, json!({})).await;
    stack
}

#[tokio::test]
async fn a_message_that_a_changed_schema_accepts_is_stored_once_under_its_first_message_id() {
    let stack = Stack::start();
    let directory = tempfile::tempdir().unwrap();
    let schema = directory.path().join("form.schema.json");
    let strict = r#"{"type": "object", "required": ["data", "company"], "properties": {"company": {"type": "string"}}}"#;
    fs::write(&schema, strict).unwrap();
    let form_types = [("FORM_TYPES_DIR", directory.path().to_str().unwrap())];
    let worker = stack.ready_worker(&form_types).await;
    let message_id = stack.sqs.send(QUEUE, r#"{"data": 1.50}"#, &[("tenant", "a")]).await;
    stack.drained().await;

    // Sent back too early, the message is set aside again; the command succeeds all the same.
    run_successfully(&stack, "redrive");
    stack.drained().await;
    wait::until_true("the message is set aside again", async || {
        stack.sqs.counts(INVALID).await == ONE
    })
    .await;
    let lines = columns(&run_successfully(&stack, "invalid list"));
    assert_eq!(
        (lines[0][0].as_str(), lines[0][4].as_str()),
        (message_id.as_str(), "field_required at company")
    );

    worker.stop(Signal::Term);
    fs::write(&schema, r#"{"type": "object", "required": ["data"]}"#).unwrap();
    let sent = columns(&run_successfully(&stack, "redrive --form-type form"));
    assert_eq!((sent.len(), sent[0][0].as_str()), (1, message_id.as_str()));
    let back = stack.sqs.receive(QUEUE, 0).await;
    let attributes: Vec<_> =
        back[0].attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(attributes, [("original_message_id", message_id.as_str()), ("tenant", "a")]);

    let _worker = stack.ready_worker(&form_types).await;
    stack.drained().await;
    assert_eq!(
        stack.database.sql("select sqs_message_id, data from forms"),
        format!(r#"{message_id}|{{"data": 1.50}}"#)
    );
}

#[tokio::test]
async fn a_dry_run_lists_the_messages_and_sends_nothing() {
    let stack = queues().await;
    for number in ["1", "2", "3"] {
        stack.sqs.send(INVALID, "{}", &[("original_message_id", number)]).await;
    }
    let shown = columns(&run_successfully(&stack, "redrive --dry-run --limit 2"));
    assert_eq!(shown.iter().map(|line| line[0].as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::visible(3));
    stack.expect_messages_left(INVALID, 3);
}

#[tokio::test]
async fn a_limit_sends_the_oldest_messages_and_the_others_are_visible_at_once() {
    let stack = queues().await;
    for number in 0..25 {
        stack
            .sqs
            .send(INVALID, &number.to_string(), &[("original_message_id", &format!("m{number}"))])
            .await;
        // SQS shows the time of a send in milliseconds, and the redrive finds the oldest messages
        // by it.
        let sent_at = milliseconds();
        wait::until_true("the clock moves on", async || milliseconds() > sent_at).await;
    }
    assert_eq!(columns(&run_successfully(&stack, "redrive --limit 12")).len(), 12);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::visible(13));
    stack.expect_messages_left(INVALID, 13);
    let mut sent: Vec<usize> =
        stack.sqs.drain(QUEUE).await.iter().map(|seen| seen.body.parse().unwrap()).collect();
    sent.sort_unstable();
    assert_eq!(sent, (0..12).collect::<Vec<_>>());
}

/// Together they are longer than SQS accepts in one call, and than its front end reads.
#[tokio::test]
async fn messages_too_long_for_one_call_are_all_sent_back() {
    let stack = queues().await;
    let body = "x".repeat(300_000);
    for number in 0..12 {
        stack.sqs.send(INVALID, &body, &[("original_message_id", &format!("m{number}"))]).await;
    }
    assert_eq!(columns(&run_successfully(&stack, "redrive")).len(), 12);
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 12);
}

#[tokio::test]
async fn copies_of_one_message_are_sent_once_and_nothing_else_counts_as_a_copy() {
    let stack = queues().await;
    for reason in ["not_json", "too_deep"] {
        stack
            .sqs
            .send(INVALID, "copied", &[("original_message_id", "first"), ("reason", reason)])
            .await;
    }
    // A message that was set aside because its id is taken has the same ids and other content.
    stack
        .sqs
        .send(INVALID, "other", &[("original_message_id", "first"), ("reason", "id_taken")])
        .await;
    for body in ["1", "2"] {
        stack
            .sqs
            .send(
                INVALID,
                body,
                &[("id", ID), ("original_message_id", body), ("reason", "id_taken")],
            )
            .await;
    }
    assert_eq!(columns(&run_successfully(&stack, "redrive")).len(), 4);
    let mut sent: Vec<String> =
        stack.sqs.drain(QUEUE).await.into_iter().map(|seen| seen.body).collect();
    sent.sort_unstable();
    assert_eq!(sent, ["1", "2", "copied", "other"]);
}

#[tokio::test]
async fn a_message_that_is_set_aside_again_meanwhile_is_not_deleted_as_a_copy() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[]).await;
    // The first messages come back while the redrive still sends the later ones.
    for number in 0..60 {
        stack.sqs.send(INVALID, "not json", &[("original_message_id", &number.to_string())]).await;
    }
    stack
        .sqs
        .fault(Fault::on("DeleteMessageBatch").delay(Duration::from_millis(500)).queue(INVALID))
        .await;
    assert_eq!(columns(&run_successfully(&stack, "redrive")).len(), 60);
    stack.drained().await;
    stack.sqs.no_faults().await;
    let mut known: Vec<usize> = stack
        .sqs
        .drain(INVALID)
        .await
        .iter()
        .map(|seen| seen.attributes["original_message_id"].parse().unwrap())
        .collect();
    known.sort_unstable();
    assert_eq!(known, (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_redrive_killed_between_send_and_delete_and_run_again_stores_each_form_once() {
    let stack = queues().await;
    let old = stack.sqs.send(INVALID, r#"{"data": 1}"#, &[]).await;
    stack
        .sqs
        .send(INVALID, r#"{"data": 2}"#, &[("id", ID), ("original_message_id", "first")])
        .await;
    // The messages stay visible when they are received, so the second redrive need not wait for
    // them.
    stack.sqs.fault(Fault::on("ReceiveMessage").duplicate().queue(INVALID)).await;
    stack.sqs.fault(Fault::on("DeleteMessageBatch").hang().queue(INVALID)).await;
    let mut killed: Child =
        command(&stack, "redrive").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sent = Counts::visible(2);
    wait::until_true("the redrive has sent", async || stack.sqs.counts(QUEUE).await == sent).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(stack.sqs.counts(INVALID).await.visible, 2);

    stack.sqs.no_faults().await;
    assert_eq!(columns(&run_successfully(&stack, "redrive")).len(), 2);
    assert_eq!(stack.sqs.counts(QUEUE).await, Counts::visible(4));
    let _worker = stack.ready_worker(&[]).await;
    stack.drained().await;
    let rows = stack
        .database
        .sql("select sqs_message_id, submission_id, data->'data' from forms order by data");
    assert_eq!(rows, format!("{old}||1\nfirst|{ID}|2"));
}
