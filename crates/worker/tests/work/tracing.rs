//! One trace from the request to every log line about the submission.

use test_kit::{
    Stack,
    forms::{SECRET, registration, signature},
    service::Signal,
    stack::QUEUE,
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_traceparent_is_echoed_and_carried_to_the_logs_of_both_services() {
    let stack = Stack::start();
    let debug = [("RUST_LOG", "debug")];
    let (api, worker) = (stack.api(&debug), stack.worker(&debug));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    let body = registration(1);
    let post = |trace: &str| {
        let request = reqwest::Client::new()
            .post(api.url("/form/"))
            .header("Content-Type", "application/json");
        let request = request.header("X-Signature", signature("/form/", body.as_bytes(), SECRET));
        request.header("traceparent", trace).body(body.clone()).send()
    };
    let answer = post(TRACE).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-request-id"].to_str().unwrap()),
        (202, TRACE)
    );
    // One that is none is replaced, and one is made where there is none, also for what is refused.
    let made = post("canary").await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(made.len() == 55 && made.starts_with("00-") && made != TRACE, "{made}");
    assert_eq!(reqwest::get(api.url("/")).await.unwrap().headers()["x-request-id"].len(), 55);

    stack
        .sqs
        .send(
            QUEUE,
            "not json",
            &[("traceparent", TRACE), ("id", "0199a7a1-5c3e-7d10-8000-0123456789ab")],
        )
        .await;
    stack.sqs.send(QUEUE, "not json", &[("traceparent", "canary")]).await;
    stack.drained().await;
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
