//! `worker redrive` when SQS refuses something: what it cannot send stays on the invalid queue.

use serde_json::json;
use test_kit::{
    Fault, Stack,
    sqs::Seen,
    stack::{INVALID, QUEUE},
};

use crate::{
    operator::{run, run_successfully},
    redrive::{ONE, queues},
};

#[tokio::test]
async fn a_message_that_is_sent_but_not_deleted_is_reported_and_does_no_harm() {
    let stack = queues().await;
    stack.sqs.send(INVALID, r#"{"data": 1}"#, &[]).await;
    // The redrive sends twice, because the first reply is lost. SQS refuses the delete.
    stack.sqs.fault(Fault::on("SendMessageBatch").lost_reply().queue(QUEUE).times(1)).await;
    stack.sqs.fault(Fault::on("DeleteMessageBatch").access_denied().queue(INVALID)).await;
    let ended = run(&stack, "redrive");
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("once more, which does no harm: 1 message"), "{}", ended.stderr);
    assert_eq!(stack.sqs.counts(INVALID).await, ONE);
    stack.sqs.no_faults().await;
    run_successfully(&stack, "redrive");
    let _worker = stack.ready_worker(&[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn messages_that_sqs_refuses_stay_and_the_others_are_sent() {
    for limit_is_known in [true, false] {
        let stack = Stack::start();
        stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "2048" })).await;
        stack.sqs.create(INVALID, json!({})).await;
        if !limit_is_known {
            stack.sqs.fault(Fault::on("GetQueueAttributes").access_denied()).await;
        }
        // So large that no id fits beside it. Without an id, a message that is sent twice would be
        // stored twice.
        let full = "x".repeat(2048);
        stack.sqs.send(INVALID, &full, &[]).await;
        // So large that only its id fits beside it.
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
        assert_eq!(ended.status, Some(1), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("refused by SQS and left on the invalid queue: 1 message"),
            "{}",
            ended.stderr
        );
        stack.sqs.no_faults().await;
        let left = stack.sqs.drain(INVALID).await;
        assert_eq!((left.len(), &left[0].body), (1, &full));
        let mut sent = stack.sqs.drain(QUEUE).await;
        sent.sort_by_key(|seen| seen.body.len());
        let known = |seen: &Seen| seen.attributes.keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(
            sent.iter().map(known).collect::<Vec<_>>(),
            ["original_message_id tenant", "original_message_id"]
        );
    }
}

#[tokio::test]
async fn if_the_form_queue_accepts_nothing_all_messages_stay() {
    let stack = queues().await;
    stack.sqs.send(INVALID, "x", &[]).await;
    stack.sqs.fault(Fault::on("SendMessageBatch").access_denied()).await;
    let denied = run(&stack, "redrive");
    assert_eq!(denied.status, Some(1));
    assert!(
        denied.stderr.contains("access is denied") && denied.stderr.contains("Sent 0 messages"),
        "{}",
        denied.stderr
    );
    assert_eq!(stack.sqs.counts(INVALID).await, ONE);

    stack.sqs.delete_queue(QUEUE).await;
    let missing = run(&stack, "redrive");
    assert_eq!(missing.status, Some(1));
    assert!(missing.stderr.contains("the queue does not exist"), "{}", missing.stderr);
    assert_eq!(stack.sqs.url(QUEUE).await, None);
    assert_eq!(stack.sqs.counts(INVALID).await, ONE);

    let unknown = run(&stack, "redrive --form-type enrolment");
    assert_eq!(unknown.status, Some(1));
    assert!(
        unknown.stderr.contains("there is no form type enrolment, FORM_TYPES names form"),
        "{}",
        unknown.stderr
    );
    assert_eq!(run(&stack, "redrive --limit 0").status, Some(2));
    stack.expect_messages_left(INVALID, 1);
}
