//! `worker redrive` sends what was set aside back, and nothing is stored twice.

use std::{
    fs,
    process::{Child, Stdio},
};

use serde_json::json;
use test_kit::{
    Stack,
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use crate::operator::{columns, command, run, run_well};

const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";
const ONE: Counts = Counts { visible: 1, in_flight: 0 };

async fn queues() -> Stack {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    stack.sqs.create(INVALID, json!({})).await;
    stack
}

#[tokio::test]
async fn what_a_changed_schema_takes_is_stored_once_under_its_first_message_id() {
    let stack = Stack::start();
    let directory = tempfile::tempdir().unwrap();
    let schema = directory.path().join("form.schema.json");
    let strict = r#"{"type": "object", "required": ["data", "company"], "properties": {"company": {"type": "string"}}}"#;
    fs::write(&schema, strict).unwrap();
    let form_types = [("FORM_TYPES_DIR", directory.path().to_str().unwrap())];
    let worker = stack.worker(&form_types);
    stack.ready(&worker).await;
    let message_id = stack.sqs.send(QUEUE, r#"{"data": 1.50}"#, &[("tenant", "a")]).await;
    stack.drained().await;

    // Sent back too early it comes back, and the command ends all the same.
    run_well(&stack, "redrive");
    stack.drained().await;
    wait::until("it is set aside again", async || {
        (stack.sqs.counts(INVALID).await == ONE).then_some(())
    })
    .await;
    let lines = columns(&run_well(&stack, "invalid list"));
    assert_eq!(
        (lines[0][0].as_str(), lines[0][4].as_str()),
        (message_id.as_str(), "field_required at company")
    );

    worker.stop(Signal::Term);
    fs::write(&schema, r#"{"type": "object", "required": ["data"]}"#).unwrap();
    let sent = columns(&run_well(&stack, "redrive --form-type form"));
    assert_eq!((sent.len(), sent[0][0].as_str()), (1, message_id.as_str()));
    let back = stack.sqs.receive(QUEUE, 0).await;
    let attributes: Vec<_> =
        back[0].attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(attributes, [("original_message_id", message_id.as_str()), ("tenant", "a")]);

    let worker = stack.worker(&form_types);
    stack.ready(&worker).await;
    stack.drained().await;
    assert_eq!(
        stack.database.sql("select sqs_message_id, data from forms"),
        format!(r#"{message_id}|{{"data": 1.50}}"#)
    );
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_sent_and_leaves_it() {
    let stack = queues().await;
    for number in ["1", "2", "3"] {
        stack.sqs.send(INVALID, "{}", &[("original_message_id", number)]).await;
    }
    let shown = columns(&run_well(&stack, "redrive --dry-run --limit 2"));
    assert_eq!(shown.iter().map(|line| line[0].as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts { visible: 3, in_flight: 0 });
    assert_eq!(stack.sqs.counts(QUEUE).await, Counts::NONE);
}

#[tokio::test]
async fn no_more_than_the_oldest_so_many_are_sent_and_the_others_are_visible_at_once() {
    let stack = queues().await;
    for number in 0..25 {
        stack
            .sqs
            .send(INVALID, &number.to_string(), &[("original_message_id", &format!("m{number}"))])
            .await;
        // SQS tells the time to the millisecond, and the oldest are told by it.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(columns(&run_well(&stack, "redrive --limit 12")).len(), 12);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts { visible: 13, in_flight: 0 });
    let mut sent: Vec<usize> =
        stack.sqs.drain(QUEUE).await.iter().map(|seen| seen.body.parse().unwrap()).collect();
    sent.sort_unstable();
    assert_eq!(sent, (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn copies_of_one_message_are_sent_as_one_and_nothing_else_is_taken_for_a_copy() {
    let stack = queues().await;
    for reason in ["not_json", "too_deep"] {
        stack
            .sqs
            .send(INVALID, "copied", &[("original_message_id", "first"), ("reason", reason)])
            .await;
    }
    // Another content under the same ids, as a message has that is refused because its id is taken.
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
    assert_eq!(columns(&run_well(&stack, "redrive")).len(), 4);
    let mut sent: Vec<String> =
        stack.sqs.drain(QUEUE).await.into_iter().map(|seen| seen.body).collect();
    sent.sort_unstable();
    assert_eq!(sent, ["1", "2", "copied", "other"]);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn what_is_set_aside_again_meanwhile_is_no_copy_and_is_not_deleted() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    // They come back while the later ones are still being sent.
    for number in 0..60 {
        stack.sqs.send(INVALID, "not json", &[("original_message_id", &number.to_string())]).await;
    }
    stack
        .sqs
        .fault(
            json!({ "action": "DeleteMessageBatch", "queue": INVALID, "kind": "delay", "ms": 500 }),
        )
        .await;
    assert_eq!(columns(&run_well(&stack, "redrive")).len(), 60);
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
async fn killed_between_send_and_delete_and_run_again_it_leaves_one_row_each() {
    let stack = queues().await;
    let old = stack.sqs.send(INVALID, r#"{"data": 1}"#, &[]).await;
    stack
        .sqs
        .send(INVALID, r#"{"data": 2}"#, &[("id", ID), ("original_message_id", "first")])
        .await;
    // What it receives stays visible, so that nobody need wait until it is.
    stack
        .sqs
        .fault(json!({ "action": "ReceiveMessage", "queue": INVALID, "kind": "duplicate" }))
        .await;
    stack
        .sqs
        .fault(json!({ "action": "DeleteMessageBatch", "queue": INVALID, "kind": "hang" }))
        .await;
    let mut killed: Child =
        command(&stack, "redrive").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sent = Counts { visible: 2, in_flight: 0 };
    wait::until("it has sent", async || (stack.sqs.counts(QUEUE).await == sent).then_some(()))
        .await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(stack.sqs.counts(INVALID).await.visible, 2);

    stack.sqs.no_faults().await;
    assert_eq!(columns(&run_well(&stack, "redrive")).len(), 2);
    assert_eq!(stack.sqs.counts(QUEUE).await, Counts { visible: 4, in_flight: 0 });
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.drained().await;
    let rows = stack
        .database
        .sql("select sqs_message_id, submission_id, data->'data' from forms order by data");
    assert_eq!(rows, format!("{old}||1\nfirst|{ID}|2"));
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn what_is_sent_and_cannot_be_deleted_is_told_and_does_no_harm() {
    let stack = queues().await;
    stack.sqs.send(INVALID, r#"{"data": 1}"#, &[]).await;
    // The send is made twice, because its first reply is lost; the delete is refused.
    stack.sqs.fault(json!({ "action": "SendMessageBatch", "queue": QUEUE, "kind": "lost_reply", "times": 1 })).await;
    stack.sqs.fault(json!({ "action": "DeleteMessageBatch", "queue": INVALID, "kind": "error", "status": 403, "code": "AccessDeniedException" })).await;
    let ended = run(&stack, "redrive");
    assert_eq!(ended.status, Some(1), "{}", ended.told);
    assert!(ended.told.contains("once more, which does no harm: 1 message"), "{}", ended.told);
    assert_eq!(stack.sqs.counts(INVALID).await, ONE);
    stack.sqs.no_faults().await;
    run_well(&stack, "redrive");
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn what_sqs_does_not_take_stays_and_the_others_are_sent() {
    for tells_its_limit in [true, false] {
        let stack = Stack::start();
        stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "2048" })).await;
        stack.sqs.create(INVALID, json!({})).await;
        if !tells_its_limit {
            stack.sqs.fault(json!({ "action": "GetQueueAttributes", "kind": "error", "status": 403, "code": "AccessDeniedException" })).await;
        }
        // So long that nothing it could be known by goes with it: sent twice it would be stored twice.
        let full = "x".repeat(2048);
        stack.sqs.send(INVALID, &full, &[]).await;
        // So long that only what it is known by goes with it.
        let nearly = "y".repeat(2048 - "original_message_idStringfirst".len());
        stack
            .sqs
            .send(INVALID, &nearly, &[("original_message_id", "first"), ("tenant", "a")])
            .await;
        stack
            .sqs
            .send(INVALID, "short", &[("original_message_id", "second"), ("tenant", "a")])
            .await;
        let ended = run(&stack, "redrive");
        assert_eq!(ended.status, Some(1), "{}", ended.told);
        assert!(
            ended.told.contains("refused by SQS and left on the invalid queue: 1 message"),
            "{}",
            ended.told
        );
        stack.sqs.no_faults().await;
        let left = stack.sqs.drain(INVALID).await;
        assert_eq!((left.len(), &left[0].body), (1, &full));
        let mut sent = stack.sqs.drain(QUEUE).await;
        sent.sort_by_key(|seen| seen.body.len());
        let known = |seen: &test_kit::sqs::Seen| {
            seen.attributes.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            sent.iter().map(known).collect::<Vec<_>>(),
            ["original_message_id tenant", "original_message_id"]
        );
    }
}

#[tokio::test]
async fn where_the_form_queue_takes_nothing_all_stays() {
    let stack = queues().await;
    stack.sqs.send(INVALID, "x", &[]).await;
    stack
        .sqs
        .fault(json!({ "action": "SendMessageBatch", "kind": "error", "status": 403, "code": "AccessDeniedException" }))
        .await;
    let denied = run(&stack, "redrive");
    assert_eq!(denied.status, Some(1));
    assert!(
        denied.told.contains("access is denied") && denied.told.contains("Sent 0 messages"),
        "{}",
        denied.told
    );
    assert_eq!(stack.sqs.counts(INVALID).await, ONE);

    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(QUEUE).await })).await;
    let missing = run(&stack, "redrive");
    assert_eq!(missing.status, Some(1));
    assert!(missing.told.contains("the queue does not exist"), "{}", missing.told);
    assert_eq!(stack.sqs.url(QUEUE).await, None);
    assert_eq!(stack.sqs.counts(INVALID).await, ONE);

    let unknown = run(&stack, "redrive --form-type enrolment");
    assert_eq!(unknown.status, Some(1));
    assert!(
        unknown.told.contains("there is no form type enrolment, FORM_TYPES names form"),
        "{}",
        unknown.told
    );
    assert_eq!(run(&stack, "redrive --limit 0").status, Some(2));
}
