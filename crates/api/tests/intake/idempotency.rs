//! Requests with the same key and the same content are one submission.

use std::time::Duration;

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

/// The setting is off unless somebody asks for it, because two people may send equal forms.
#[tokio::test]
async fn a_signed_request_that_is_repeated_in_time_is_one_submission_if_the_setting_asks_for_it() {
    let stack = Stack::start();
    let usual = stack.ready_api(&[]).await;
    let hour = [("SIGNATURE_REPLAY_SECONDS", "3600")];
    let (one, other) = (stack.ready_api(&hour).await, stack.ready_api(&hour).await);
    let brief = stack.ready_api(&[("SIGNATURE_REPLAY_SECONDS", "1")]).await;
    let id = async |api, body| send(api, &[], JSON, body).await.submission_id();
    let form = r#"{"data": "a"}"#;
    assert!(id(&usual, form).await != id(&usual, form).await);

    let first = id(&one, form).await;
    assert_eq!([id(&one, form).await, id(&other, form).await], [first.clone(), first.clone()]);
    assert!(id(&one, r#"{"data":"a"}"#).await != first, "other bytes, another signature");
    // A key says which submission it is.
    let key = async |key| send(&one, &[key], JSON, form).await.submission_id();
    assert!(key("k").await != first && key("k").await != key("l").await);

    let first = id(&brief, form).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(id(&brief, form).await != first, "sent after the time");
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 11);
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
