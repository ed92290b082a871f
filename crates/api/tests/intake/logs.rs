//! Logs say what happened, and never show what was sent.

use test_kit::{Signal, Stack, stack::QUEUE};

#[tokio::test]
async fn no_log_line_shows_form_data_or_a_secret_at_any_level() {
    let stack = Stack::start();
    let api = stack
        .ready_api(&[
            ("RUST_LOG", "trace"),
            ("UI_SECRET_PREVIOUS", "canary-secret"),
            ("AWS_SECRET_ACCESS_KEY", "canary-key"),
        ])
        .await;
    for body in [
        r#"{"data":{"name":"canary"},"canary":"canary"}"#,
        r#"{"canary":"\u0000"}"#,
        r#"{"data":canary}"#,
        r#"{"data":{"canary":1e9999}}"#,
    ] {
        api.post_form(body).await;
    }
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"canary\"\r\n\r\ncanary";
    let request = api.request("POST", "/form/?canary").body(multipart).signed();
    request.content_type("multipart/form-data; boundary=b").send_raw().await;
    let request = api.request("POST", "/canary").body("canary");
    request.header("X-Signature", "canary").send_raw().await;

    let (_, log) = api.stop(Signal::Term);
    assert!(log.contains("Refused a form. form_type=form reason=null_character"), "{log}");
    assert!(log.contains("Accepted a form. submission_id="), "{log}");
    assert!(!log.contains("canary"), "{log}");
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 1);
}
