//! The same key with the same content is the same submission.

use std::time::Duration;

use serde_json::Value;
use test_kit::{
    Stack,
    forms::{SECRET, signature},
    stack::QUEUE,
};

use crate::raw::{self, Answer};

async fn send(port: u16, keys: &[&str], content_type: &str, body: &str) -> Answer {
    let signature = signature("/form/", body.as_bytes(), SECRET);
    let mut headers = vec![("Content-Type", content_type), ("X-Signature", signature.as_str())];
    headers.extend(keys.iter().map(|key| ("Idempotency-Key", *key)));
    raw::exchange(
        port,
        &raw::request("POST", "/form/", &headers, body.as_bytes()),
        Duration::from_secs(10),
    )
    .await
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    serde_json::from_str::<Value>(&answer.body).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_key_and_content_is_one_id_in_every_encoding_and_at_every_instance() {
    let stack = Stack::start();
    let (one, other) = (stack.api(&[]), stack.api(&[]));
    stack.ready(&one).await;
    stack.ready(&other).await;
    let json = "application/json";
    let first = id(&send(one.port(), &["key"], json, r#"{"data": "a", "x": "1"}"#).await);
    let again = send(other.port(), &["key"], json, r#"{"x":"1","data":"a"}"#).await;
    let urlencoded =
        send(one.port(), &["key"], "application/x-www-form-urlencoded", "x=1&data=a").await;
    assert_eq!([id(&again), id(&urlencoded)], [first.clone(), first.clone()]);
    // Nothing is dropped for a key.
    let other_content = id(&send(one.port(), &["key"], json, r#"{"data": "b", "x": "1"}"#).await);
    let other_key = id(&send(one.port(), &["other"], json, r#"{"data": "a", "x": "1"}"#).await);
    assert!(other_content != first && other_key != first);
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 5);
}

#[tokio::test]
async fn a_key_that_is_none_gets_400() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    for keys in [vec![""], vec!["a b"], vec!["é"], vec![&*"x".repeat(256)], vec!["a", "a"]] {
        let answer = send(api.port(), &keys, "application/json", r#"{"data":1}"#).await;
        assert!(
            answer.status == 400 && answer.body.contains("Idempotency-Key"),
            "{keys:?} {answer:?}"
        );
    }
    assert_eq!(stack.sqs.drain(QUEUE).await, []);
}
