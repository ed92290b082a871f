//! Every outcome of a message, and how the message is settled.

use serde_json::json;
use test_kit::{
    Fault, Stack,
    stack::{INVALID, QUEUE},
};

const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";

async fn started() -> (Stack, test_kit::Service) {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    (stack, worker)
}

#[tokio::test]
async fn a_stored_message_is_deleted() {
    let (stack, _worker) = started().await;
    let attributes =
        [("id", ID), ("form_type", "form"), ("received_at", "2026-01-02T03:04:05.678901Z")];
    let message_id = stack.sqs.send(QUEUE, r#"{"data": {"n": 1.50}, "x": "é"}"#, &attributes).await;
    stack.drained().await;
    let row = stack.database.sql(
        "select form_type, submission_id, sqs_message_id, data, received_at at time zone 'utc', created > now() - interval '5 minutes' from forms",
    );
    assert_eq!(
        row,
        format!(
            r#"form|{ID}|{message_id}|{{"x": "é", "data": {{"n": 1.50}}}}|2026-01-02 03:04:05.678901|t"#
        )
    );
}

#[tokio::test]
async fn a_message_from_the_2016_web_server_is_stored_under_its_message_id() {
    let (stack, _worker) = started().await;
    let message_id =
        stack.sqs.send(QUEUE, r#"{"data": "{\"contact_name\": \"Test\"}"}"#, &[]).await;
    stack.drained().await;
    let row = stack.database.sql(
        "select form_type, submission_id is null, sqs_message_id, received_at is null from forms",
    );
    assert_eq!(row, format!("form|t|{message_id}|t"));
}

#[tokio::test]
async fn a_message_that_is_already_stored_is_deleted() {
    let (stack, worker) = started().await;
    for _ in 0..3 {
        stack.sqs.send(QUEUE, r#"{"data":1}"#, &[("id", ID)]).await;
        stack.drained().await;
    }
    // Three messages of one submission in one batch, with different white space.
    worker.signal(test_kit::Signal::Stop);
    for body in [r#"{"data":1}"#, r#"{ "data":1}"#, r#"{"data": 1}"#] {
        stack.sqs.send(QUEUE, body, &[("id", ID)]).await;
    }
    worker.signal(test_kit::Signal::Continue);
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn a_message_that_is_delivered_twice_is_stored_once() {
    let (stack, _worker) = started().await;
    stack.sqs.fault(Fault::on("ReceiveMessage").duplicate().times(5)).await;
    stack.queue_forms(0..5).await;
    stack.wait_for_rows(5).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
}

#[tokio::test]
async fn a_message_whose_id_has_other_content_is_set_aside() {
    let (stack, _worker) = started().await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[("id", ID)]).await;
    stack.drained().await;
    let message_id = stack.sqs.send(QUEUE, r#"{"data":2}"#, &[("id", ID), ("tenant", "a")]).await;
    stack.drained().await;
    let aside = stack.sqs.drain(INVALID).await;
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].body, r#"{"data":2}"#);
    let attributes = &aside[0].attributes;
    assert_eq!(attributes["reason"], "id_taken");
    assert_eq!(attributes["original_message_id"], message_id);
    assert_eq!((attributes["id"].as_str(), attributes["tenant"].as_str()), (ID, "a"));
    assert_eq!(stack.database.sql("select data from forms"), r#"{"data": 1}"#);
}

#[tokio::test]
async fn a_message_that_postgresql_refuses_is_set_aside_and_the_others_are_stored() {
    let (stack, worker) = started().await;
    // The operator added a constraint that the api does not know.
    stack
        .database
        .sql("alter table forms add constraint no_canaries check (data->>'data' <> 'canary')");
    worker.signal(test_kit::Signal::Stop);
    stack.queue_forms(0..9).await;
    stack.sqs.send(QUEUE, r#"{"data":"canary"}"#, &[]).await;
    worker.signal(test_kit::Signal::Continue);
    stack.drained().await;
    assert_eq!(stack.rows(), 9);
    let aside = stack.sqs.drain(INVALID).await;
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].attributes["reason"], "refused_by_postgresql 23514");
    assert_eq!(aside[0].body, r#"{"data":"canary"}"#);
    assert!(!worker.log().contains("canary"), "{}", worker.log());
}

#[tokio::test]
async fn a_message_that_cannot_be_set_aside_is_not_deleted() {
    let (stack, worker) = started().await;
    stack.sqs.fault(Fault::on("SendMessageBatch").access_denied().queue(INVALID)).await;
    stack.sqs.send(QUEUE, "not json", &[]).await;
    worker.logged("could not be set aside, and is released").await;
    let counts = stack.sqs.counts(QUEUE).await;
    assert_eq!(counts.visible + counts.in_flight, 1);
    stack.sqs.no_faults().await;
    stack.drained().await;
    assert_eq!(stack.sqs.drain(INVALID).await.len(), 1);
}

#[tokio::test]
async fn failed_entries_of_a_delete_are_retried() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    stack.queue_forms(0..10).await;
    stack
        .sqs
        .fault(Fault::on("DeleteMessageBatch").entries_fail([0, 3], "InternalError").times(1))
        .await;
    let worker = stack.ready_worker(&[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
    assert!(!worker.log().contains("could not be settled"), "{}", worker.log());
}

#[tokio::test]
async fn an_unreadable_id_or_time_counts_as_absent_and_is_logged() {
    let (stack, worker) = started().await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[("id", "seven"), ("received_at", "yesterday")]).await;
    stack.drained().await;
    assert_eq!(
        stack.database.sql("select submission_id is null, received_at is null from forms"),
        "t|t"
    );
    assert!(worker.log().contains("attributes=id,received_at"), "{}", worker.log());
}
