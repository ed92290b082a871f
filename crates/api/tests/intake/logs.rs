//! Logs tell what happened, and nothing of what was sent.

use std::time::Duration;

use test_kit::{
    Stack,
    forms::{SECRET, post, signature},
    service::Signal,
};

use crate::raw;

#[tokio::test]
async fn no_log_line_shows_form_data_or_a_secret_at_any_level() {
    let stack = Stack::start();
    let api = stack.api(&[
        ("RUST_LOG", "trace"),
        ("UI_SECRET_PREVIOUS", "canary-secret"),
        ("AWS_SECRET_ACCESS_KEY", "canary-key"),
    ]);
    stack.ready(&api).await;
    let client = reqwest::Client::new();
    for body in [
        r#"{"data":{"name":"canary"},"canary":"canary"}"#,
        r#"{"canary":"\u0000"}"#,
        r#"{"data":canary}"#,
        r#"{"data":{"canary":1e9999}}"#,
    ] {
        post(&client, &api.url(""), body).await.unwrap();
    }
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"canary\"\r\n\r\ncanary";
    let headers = [
        ("Content-Type", "multipart/form-data; boundary=b"),
        ("X-Signature", &signature("/form/?canary", multipart.as_bytes(), SECRET)),
    ];
    raw::exchange(
        api.port(),
        &raw::request("POST", "/form/?canary", &headers, multipart.as_bytes()),
        Duration::from_secs(5),
    )
    .await;
    raw::exchange(
        api.port(),
        &raw::request("POST", "/canary", &[("X-Signature", "canary")], b"canary"),
        Duration::from_secs(5),
    )
    .await;

    let (_, log) = api.stop(Signal::Term);
    assert!(log.contains("Refused a form. form_type=form reason=\"null_character\""), "{log}");
    assert!(log.contains("Accepted a form. submission_id="), "{log}");
    assert!(!log.contains("canary"), "{log}");
}
