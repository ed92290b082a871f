//! A trace goes from the request to every log line about the submission.

use test_kit::{
    Signal, Stack,
    forms::registration,
    stack::{INVALID, QUEUE},
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_traceparent_is_returned_and_reaches_the_logs_of_both_services() {
    let stack = Stack::start();
    let debug = [("RUST_LOG", "debug")];
    let (api, worker) = (stack.ready_api(&debug).await, stack.ready_worker(&debug).await);
    let body = registration(1);
    let post = async |trace: &str| {
        let request = api.request("POST", "/form/").json(body.as_str()).signed();
        request.header("traceparent", trace).send().await
    };
    let answer = post(TRACE).await.expect_status(202);
    assert_eq!(answer.header("X-Request-Id"), Some(TRACE));
    // The api replaces an invalid trace, and makes one for a request without, even if it refuses
    // the request.
    let made = post("canary").await.header("X-Request-Id").unwrap().to_owned();
    assert!(made.len() == 55 && made.starts_with("00-") && made != TRACE, "{made}");
    assert_eq!(api.get("/").await.header("X-Request-Id").unwrap().len(), 55);

    let attributes = [("traceparent", TRACE), ("id", "0199a7a1-5c3e-7d10-8000-0123456789ab")];
    stack.sqs.send(QUEUE, "not json", &attributes).await;
    stack.sqs.send(QUEUE, "not json", &[("traceparent", "canary")]).await;
    stack.drained().await;
    stack.expect_messages_left(INVALID, 2);
    let (_, api_log) = api.stop(Signal::Term);
    let (_, worker_log) = worker.stop(Signal::Term);
    let lines = |log: &str, part: &str| {
        log.lines().filter(|line| line.contains(part) && line.contains(TRACE)).count()
    };
    assert_eq!(lines(&api_log, "Accepted a form. submission_id="), 1, "{api_log}");
    assert_eq!(lines(&worker_log, "Stored a form. message_id="), 1, "{worker_log}");
    assert_eq!(lines(&worker_log, "Set a message aside. message_id="), 1, "{worker_log}");
    assert!(worker_log.contains(&made));
    assert!(!api_log.contains("canary") && !worker_log.contains("canary"));
}

#[tokio::test]
async fn a_row_has_the_trace_and_the_schema_of_its_request() {
    let stack = Stack::start();
    let (api, worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);
    let request = api.request("POST", "/form/").json(r#"{"data": 1}"#).signed();
    request.header("traceparent", TRACE).send().await.expect_status(202);
    // From the web server of 2016, and with attributes that cannot be read.
    stack.sqs.send(QUEUE, r#"{"data": 2}"#, &[]).await;
    let unreadable = [("traceparent", "canary"), ("schema_digest", "canary")];
    stack.sqs.send(QUEUE, r#"{"data": 3}"#, &unreadable).await;
    stack.drained().await;
    let digest = domain::FormType::form().schema_digest();
    assert_eq!(
        stack
            .database
            .sql("select data, encode(schema_digest, 'hex'), traceparent from forms order by data"),
        format!("{{\"data\": 1}}|{digest}|{TRACE}\n{{\"data\": 2}}||\n{{\"data\": 3}}||")
    );
    let (_, log) = worker.stop(Signal::Term);
    assert!(log.contains("attributes=schema_digest,traceparent"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}
