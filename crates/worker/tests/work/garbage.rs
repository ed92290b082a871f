//! A message from any other sender is stored, or set aside with a reason and with its body
//! unchanged.

use std::collections::BTreeMap;

use serde_json::json;
use test_kit::{
    Stack,
    stack::{INVALID, QUEUE},
};

#[tokio::test]
async fn invalid_bodies_are_set_aside_with_a_reason_and_the_worker_goes_on() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    let brackets = "[".repeat(1 << 20);
    let canary = "canary".repeat(1000);
    let garbage = [
        ("not json", "not_json"),
        ("[]", "not_an_object"),
        ("null", "not_an_object"),
        ("5", "not_an_object"),
        ("\"text\"", "not_an_object"),
        ("{}", "field_required at data"),
        (r#"{"data":null}"#, "field_null at data"),
        (r#"{"data":NaN}"#, "not_json"),
        (r#"{"data":1e1000}"#, "number_too_long at data"),
        (r#"{"data":"\u0000"}"#, "null_character at data"),
        (r#"{"data":"\ud800"}"#, "not_json"),
        (r#"{"data":{"$serde_json::private::Number":"1"}}"#, "reserved_key"),
        (brackets.as_str(), "too_deep"),
        (canary.as_str(), "not_json"),
    ];
    let mut expected = BTreeMap::new();
    for (body, reason) in garbage {
        let message_id = stack.sqs.send(QUEUE, body, &[]).await;
        // A message of SQS's maximum size leaves no room for attributes.
        let attributes =
            if body.len() == 1 << 20 { None } else { Some((reason.to_owned(), message_id)) };
        expected.insert(body.to_owned(), attributes);
        stack.sqs.send(QUEUE, r#"{"data":"good"}"#, &[]).await;
    }
    stack.drained().await;
    assert_eq!(stack.rows(), garbage.len());
    let aside = stack.sqs.drain(INVALID).await.into_iter().map(|message| {
        let reason = message.attributes.get("reason").cloned();
        (message.body, reason.zip(message.attributes.get("original_message_id").cloned()))
    });
    let aside: BTreeMap<_, _> = aside.collect();
    assert_eq!(
        aside.keys().map(String::len).collect::<Vec<_>>(),
        expected.keys().map(String::len).collect::<Vec<_>>()
    );
    assert_eq!(aside, expected);
    // The log contains the reason of each, even of the one without attributes, and no body.
    for (_, reason) in garbage {
        let reason = if reason.contains(' ') { format!("{reason:?}") } else { reason.to_owned() };
        assert!(worker.log().contains(&format!(" reason={reason}\n")), "{reason}");
    }
    assert!(!worker.log().contains("canary"));
}

#[tokio::test]
async fn an_invalid_message_of_exactly_the_size_limit_is_set_aside() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "2048" })).await;
    stack.sqs.create(INVALID, json!({ "MaximumMessageSize": "2048" })).await;
    let _worker = stack.ready_worker(&[]).await;
    let body = "x".repeat(2048 - "tenant".len() - "String".len() - "a".len());
    stack.sqs.send(QUEUE, &body, &[("tenant", "a")]).await;
    stack.drained().await;
    let aside = stack.sqs.drain(INVALID).await;
    assert_eq!((aside.len(), &aside[0].body), (1, &body));
}
