//! What becomes of a message, row by row of the table.

use serde_json::json;
use test_kit::{
    Stack,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";

async fn started() -> (Stack, test_kit::Service) {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    (stack, worker)
}

#[tokio::test]
async fn what_is_stored_is_deleted() {
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
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_message_of_the_2016_web_server_is_stored_under_its_message_id() {
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
async fn what_is_already_stored_is_deleted_and_not_stored_again() {
    let (stack, worker) = started().await;
    for _ in 0..3 {
        stack.sqs.send(QUEUE, r#"{"data":1}"#, &[("id", ID)]).await;
        stack.drained().await;
    }
    // Three messages of one submission in one batch, with white space of their own.
    worker.signal(test_kit::service::Signal::Stop);
    for body in [r#"{"data":1}"#, r#"{ "data":1}"#, r#"{"data": 1}"#] {
        stack.sqs.send(QUEUE, body, &[("id", ID)]).await;
    }
    worker.signal(test_kit::service::Signal::Continue);
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_message_that_is_delivered_twice_is_stored_once() {
    let (stack, _worker) = started().await;
    stack.sqs.fault(json!({ "action": "ReceiveMessage", "kind": "duplicate", "times": 5 })).await;
    for number in 0..5 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    wait::until("five rows", async || {
        (stack.database.try_sql("select count(*) from forms").ok()? == "5").then_some(())
    })
    .await;
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn an_id_that_is_taken_by_other_content_is_set_aside() {
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
async fn what_postgresql_refuses_is_set_aside_and_its_neighbours_are_stored() {
    let (stack, worker) = started().await;
    // A rule of the operator's own, which the edge knows nothing of.
    stack
        .database
        .sql("alter table forms add constraint no_canaries check (data->>'data' <> 'canary')");
    worker.signal(test_kit::service::Signal::Stop);
    for number in 0..9 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    stack.sqs.send(QUEUE, r#"{"data":"canary"}"#, &[]).await;
    worker.signal(test_kit::service::Signal::Continue);
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
    stack.sqs.fault(json!({ "action": "SendMessageBatch", "queue": INVALID, "kind": "error", "status": 403, "code": "AccessDeniedException" })).await;
    stack.sqs.send(QUEUE, "not json", &[]).await;
    wait::until("it is released", async || {
        worker.log().contains("could not be set aside").then_some(())
    })
    .await;
    let counts = stack.sqs.counts(QUEUE).await;
    assert_eq!(counts.visible + counts.in_flight, 1);
    stack.sqs.no_faults().await;
    stack.drained().await;
    assert_eq!(stack.sqs.drain(INVALID).await.len(), 1);
}

#[tokio::test]
async fn deletes_that_fail_in_part_are_made_again_for_those_entries() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({})).await;
    for number in 0..10 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    stack.sqs.fault(json!({ "action": "DeleteMessageBatch", "kind": "partial", "entries": [0, 3], "code": "InternalError", "sender_fault": false, "times": 1 })).await;
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
    assert!(!worker.log().contains("could not be settled"), "{}", worker.log());
}

#[tokio::test]
async fn an_unreadable_id_or_time_counts_as_absent_and_is_told() {
    let (stack, worker) = started().await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[("id", "seven"), ("received_at", "yesterday")]).await;
    stack.drained().await;
    assert_eq!(
        stack.database.sql("select submission_id is null, received_at is null from forms"),
        "t|t"
    );
    assert!(worker.log().contains(r#"attributes=["id", "received_at"]"#), "{}", worker.log());
}
