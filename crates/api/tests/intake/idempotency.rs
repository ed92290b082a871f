//! Requests with the same key and the same content are one submission.

use test_kit::{Service, Stack, http::Answer, stack::QUEUE};

const JSON: &str = "application/json";

async fn send(api: &Service, keys: &[&str], content_type: &str, body: &str) -> Answer {
    let request = api.request("POST", "/form/").content_type(content_type).body(body).signed();
    let request = keys.iter().fold(request, |request, key| request.header("Idempotency-Key", key));
    request.send_raw().await
}

#[tokio::test]
async fn a_key_and_content_have_one_id_in_every_encoding_and_at_every_instance() {
    let stack = Stack::start();
    let (one, other) = (stack.ready_api(&[]).await, stack.ready_api(&[]).await);
    let id = async |api, key, content_type, body| {
        send(api, &[key], content_type, body).await.submission_id()
    };
    let first = id(&one, "key", JSON, r#"{"data": "a", "x": "1"}"#).await;
    let again = id(&other, "key", JSON, r#"{"x":"1","data":"a"}"#).await;
    let urlencoded = id(&one, "key", "application/x-www-form-urlencoded", "x=1&data=a").await;
    assert_eq!([again, urlencoded], [first.clone(), first.clone()]);
    // The same key with other content is another submission, so nothing is lost.
    let other_content = id(&one, "key", JSON, r#"{"data": "b", "x": "1"}"#).await;
    let other_key = id(&one, "other", JSON, r#"{"data": "a", "x": "1"}"#).await;
    assert!(other_content != first && other_key != first);
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 5);
}

#[tokio::test]
async fn an_invalid_key_gets_400() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    for keys in [vec![""], vec!["a b"], vec!["é"], vec![&*"x".repeat(256)], vec!["a", "a"]] {
        let answer = send(&api, &keys, JSON, r#"{"data":1}"#).await;
        assert!(
            answer.status == 400 && answer.body.contains("Idempotency-Key"),
            "{keys:?} {answer:?}"
        );
    }
    assert_eq!(stack.sqs.drain(QUEUE).await, []);
}
