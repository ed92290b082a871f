//! The worker takes the messages of the invalid queue into PostgreSQL, each as it came.

use std::time::Duration;

use serde_json::json;
use test_kit::{
    Fault, Service, Signal, Stack,
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use crate::metrics::{METRICS, metrics};

pub const KEEPS: (&str, &str) = ("WORKER_KEEPS_INVALID", "true");
const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";

pub async fn keeping() -> (Stack, Service) {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[KEEPS, METRICS]).await;
    (stack, worker)
}

/// Of each row: its identity, its state, how often it was seen and sent, its reason.
pub fn rows(stack: &Stack) -> String {
    stack.database.sql(
        "select coalesce(submission_id::text, sqs_message_id), state, times_seen, times_sent, reason \
         from invalid_messages order by id",
    )
}

pub async fn until_rows(stack: &Stack, expected: &str) {
    wait::until(expected, async || (rows(stack) == expected).then_some(())).await;
    until_empty(stack).await;
}

pub async fn until_empty(stack: &Stack) {
    stack.wait_for_counts(INVALID, Counts::NONE).await;
}

#[tokio::test]
async fn a_message_that_is_no_form_is_kept_with_its_reason_and_its_identity() {
    let (stack, worker) = keeping().await;
    let first = stack.sqs.send(QUEUE, "{\"canary\"", &[("tenant", "canary")]).await;
    until_rows(&stack, &format!("{first}|waiting|1|0|not_json")).await;
    // SQS itself moves a message without a reason, and nobody may send it back without reading it.
    let moved = stack.sqs.send(INVALID, r#"{"data":"\ud800"}"#, &[("id", ID)]).await;
    until_rows(&stack, &format!("{first}|waiting|1|0|not_json\n{ID}|waiting|1|0|no_reason")).await;
    assert_eq!(
        stack.database.sql(
            "select sqs_message_id, convert_from(body, 'UTF8'), \
                 convert_from(attributes, 'UTF8')::json -> 'tenant' ->> 'value' \
             from invalid_messages order by id"
        ),
        format!("{first}|{{\"canary\"|canary\n{moved}|{}|", r#"{"data":"\ud800"}"#)
    );
    wait::until_true("both are counted", async || {
        let counted = metrics(&worker).await;
        let samples = [
            (r#"form_data_invalid_kept_total{form_type="form",outcome="kept"}"#, 2.0),
            (r#"form_data_invalid_kept_total{form_type="form",outcome="came_back"}"#, 0.0),
            (r#"form_data_invalid_kept_reasons_total{form_type="form",reason="no_reason"}"#, 1.0),
            (r#"form_data_invalid_waiting{form_type="form"}"#, 2.0),
            (r#"form_data_keeps_invalid{form_type="form"}"#, 1.0),
        ];
        samples.iter().all(|(sample, value)| counted.get(*sample) == Some(value))
    })
    .await;
    assert!(!worker.log().contains("canary"), "{}", worker.log());
}

#[tokio::test]
async fn copies_only_count_and_a_form_that_is_stored_does_not_wait() {
    let (stack, _worker) = keeping().await;
    for _ in 0..3 {
        stack.sqs.send(INVALID, "[]", &[("original_message_id", "first")]).await;
    }
    until_rows(&stack, "first|waiting|3|0|no_reason").await;

    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[("id", ID)]).await;
    stack.drained().await;
    stack.sqs.send(INVALID, r#"{ "data": 1}"#, &[("id", ID), ("reason", "id_taken")]).await;
    until_rows(&stack, &format!("first|waiting|3|0|no_reason\n{ID}|stored|1|0|id_taken")).await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn nothing_is_kept_of_an_identity_that_was_erased() {
    let (stack, worker) = keeping().await;
    stack.database.sql(&format!(
        "insert into forms (submission_id, sqs_message_id, data, erased_at) values ('{ID}', 'm', 'null', now())"
    ));
    stack.sqs.send(INVALID, "not json", &[("id", ID)]).await;
    wait::until_true("it is counted", async || {
        let erased = r#"form_data_invalid_kept_total{form_type="form",outcome="erased"}"#;
        metrics(&worker).await[erased] == 1.0
    })
    .await;
    until_empty(&stack).await;
    assert_eq!(rows(&stack), "");
}

#[tokio::test]
async fn a_kept_form_is_there_after_its_queue_was_purged_and_deleted() {
    let (stack, worker) = keeping().await;
    let first = stack.sqs.send(QUEUE, "not json", &[]).await;
    let row = format!("{first}|waiting|1|0|not_json");
    until_rows(&stack, &row).await;
    let url = stack.sqs.url(INVALID).await.unwrap();
    stack.sqs.call("PurgeQueue", json!({ "QueueUrl": url })).await;
    stack.sqs.delete_queue(INVALID).await;
    assert_eq!(rows(&stack), row);
    worker.logged("Create the queue directory-form-data-invalid.").await;
    // The worker creates the missing queue and goes on.
    wait::until_true("the queue is there", async || stack.sqs.url(INVALID).await.is_some()).await;
    let second = stack.sqs.send(QUEUE, "[", &[]).await;
    until_rows(&stack, &format!("{row}\n{second}|waiting|1|0|not_json")).await;
}

#[tokio::test]
async fn two_workers_keep_each_message_once() {
    let stack = Stack::start();
    let workers = [stack.worker(&[KEEPS]), stack.worker(&[KEEPS])];
    for worker in &workers {
        worker.ready().await;
    }
    stack.sqs.fault(Fault::on("ReceiveMessage").duplicate().queue(INVALID).probability(0.5)).await;
    for number in 0..100 {
        stack.sqs.send(INVALID, "x", &[("original_message_id", &format!("m{number}"))]).await;
    }
    wait::until_true("all are kept", async || rows(&stack).lines().count() == 100).await;
    stack.sqs.no_faults().await;
    until_empty(&stack).await;
    let counts = "select count(*), count(distinct sqs_message_id) from invalid_messages where state = 'waiting'";
    assert_eq!(stack.database.sql(counts), "100|100");
}

#[tokio::test]
async fn a_worker_killed_between_commit_and_delete_leaves_one_row() {
    let stack = Stack::start();
    let short = [KEEPS, ("SQS_VISIBILITY_TIMEOUT", "2")];
    let worker = stack.ready_worker(&short).await;
    stack.sqs.fault(Fault::on("DeleteMessageBatch").hang().queue(INVALID)).await;
    stack.sqs.send(INVALID, "x", &[("original_message_id", "first")]).await;
    wait::until_true("it is kept", async || !rows(&stack).is_empty()).await;
    worker.stop(Signal::Kill);
    stack.sqs.no_faults().await;
    let _worker = stack.ready_worker(&short).await;
    until_empty(&stack).await;
    assert_eq!(
        stack.database.sql("select sqs_message_id, state, times_seen > 1 from invalid_messages"),
        "first|waiting|t"
    );
}

#[tokio::test]
async fn while_the_database_is_away_no_message_is_lost_and_the_queue_is_left_alone() {
    let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
    let stack = Stack::start();
    let url = cluster.url("postgres");
    let variables = [KEEPS, ("DATABASE_URL", url.as_str()), ("SQS_VISIBILITY_TIMEOUT", "600")];
    let worker = stack.ready_worker(&variables).await;
    cluster.stop(Shutdown::Immediate);
    for number in 0..20 {
        stack.sqs.send(INVALID, "x", &[("original_message_id", &number.to_string())]).await;
    }
    worker.logged("Cannot keep invalid messages now.").await;
    // Those that it had received are released, although they would be hidden for ten minutes.
    stack.wait_for_counts(INVALID, Counts::visible(20)).await;
    cluster.start().unwrap();
    until_empty(&stack).await;
    assert_eq!(sql(&url, "select count(*) from invalid_messages").unwrap(), "20");
}

#[tokio::test]
async fn a_message_that_fails_by_itself_is_released_and_the_others_are_kept() {
    let (stack, worker) = keeping().await;
    stack
        .database
        .sql("alter table invalid_messages add constraint c check (sqs_message_id <> 'bad')");
    for id in ["bad", "good"] {
        stack.sqs.send(INVALID, "x", &[("original_message_id", id)]).await;
    }
    wait::until_true("the good one is kept", async || rows(&stack).starts_with("good|")).await;
    worker.logged("A message of the invalid queue could not be kept, and is released.").await;
    stack.database.sql("alter table invalid_messages drop constraint c");
    until_rows(&stack, "good|waiting|1|0|no_reason\nbad|waiting|1|0|no_reason").await;
}

#[tokio::test]
async fn without_a_right_the_worker_stores_on_is_ready_and_names_the_right_once() {
    for (case, right) in [
        ("ReceiveMessage", "sqs:ReceiveMessage on directory-form-data-invalid"),
        (
            "DeleteMessageBatch",
            "sqs:DeleteMessage and sqs:ChangeMessageVisibility on directory-form-data-invalid",
        ),
        ("function", "EXECUTE on keep_invalid"),
    ] {
        let (stack, worker) = keeping().await;
        let function = "keep_invalid(text, uuid, text, bytea, bytea, text, integer)";
        if case == "function" {
            stack.database.sql(&format!("alter function {function} rename to gone"));
        } else {
            stack.sqs.fault(Fault::on(case).access_denied().queue(INVALID)).await;
        }
        stack.sqs.send(INVALID, "x", &[("original_message_id", "first")]).await;
        worker.logged(right).await;
        let gauge = r#"form_data_keeps_invalid{form_type="form"}"#;
        assert_eq!(metrics(&worker).await[gauge], 0.0, "{case}");
        worker.ready().await;
        stack.queue_forms(0..3).await;
        stack.wait_for_rows(3).await;
        assert_eq!(worker.log().matches("Storing goes on.").count(), 1, "{case}");

        stack.sqs.no_faults().await;
        if case == "function" {
            stack.database.sql("alter function gone rename to keep_invalid");
        }
        wait::until_true("it is kept again", async || metrics(&worker).await[gauge] == 1.0).await;
        if case == "DeleteMessageBatch" {
            stack.allow_messages_left("the message stays hidden for the visibility timeout");
        } else {
            until_empty(&stack).await;
        }
        assert!(rows(&stack).starts_with("first|waiting|"), "{case}");
    }
}

#[tokio::test]
async fn large_and_binary_messages_are_kept_whole() {
    let (stack, _worker) = keeping().await;
    let url = stack.sqs.url(INVALID).await.unwrap();
    let body = "é".repeat((1 << 19) - 64);
    let attributes = json!({ "photo": { "DataType": "Binary.png", "BinaryValue": "AP8K" } });
    let message = json!({ "QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes });
    stack.sqs.call("SendMessage", message).await;
    wait::until_true("it is kept", async || !rows(&stack).is_empty()).await;
    until_empty(&stack).await;
    assert_eq!(
        stack.database.sql(&format!(
            "select convert_from(body, 'UTF8') = repeat('é', {}), convert_from(attributes, 'UTF8') from invalid_messages",
            body.chars().count()
        )),
        r#"t|{"photo":{"type":"Binary.png","base64":"AP8K"}}"#
    );
}

#[tokio::test]
async fn a_worker_that_stops_ends_its_poll_and_leaves_nothing_hidden() {
    let (stack, worker) = keeping().await;
    for number in 0..50 {
        stack.sqs.send(INVALID, "x", &[("original_message_id", &number.to_string())]).await;
    }
    let (status, log) = worker.stop_while_others_run(Signal::Term).await;
    assert_eq!(status.code(), Some(0), "{log}");
    wait::until_true("nothing is hidden", async || stack.sqs.counts(INVALID).await.in_flight == 0)
        .await;
    let kept = rows(&stack).lines().count() as u64;
    assert_eq!(kept + stack.sqs.counts(INVALID).await.visible, 50);
    stack.expect_messages_left(INVALID, 50 - kept);
}

#[tokio::test]
async fn a_worker_that_does_not_keep_leaves_the_queue_alone() {
    let stack = Stack::start();
    let _worker = stack.ready_worker(&[]).await;
    stack.sqs.send(INVALID, "x", &[]).await;
    wait::while_true("the message stays", Duration::from_secs(3), async || {
        stack.sqs.counts(INVALID).await == Counts::visible(1)
    })
    .await;
    stack.expect_messages_left(INVALID, 1);
}
