//! The health page needs no signature and tells nothing but states.

use std::process::Command;

use serde_json::{Value, json};
use test_kit::{Stack, service::path_of, stack::QUEUE, wait};

async fn page(url: String) -> (u16, Value) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn readiness_follows_the_queue_and_liveness_does_not() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    assert_eq!(
        page(api.url("/healthcheck/ready")).await,
        (200, json!({ "status": "OK", "queue": "OK" }))
    );

    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(QUEUE).await })).await;
    let red = wait::until("readiness is red", async || {
        let (status, page) = page(api.url("/healthcheck/ready/")).await;
        (status == 503).then_some(page)
    });
    assert_eq!(red.await, json!({ "status": "not ready", "queue": "the queue does not exist" }));
    assert_eq!(page(api.url("/healthcheck/")).await, (200, json!({ "status": "OK" })));
}

/// The exit status and standard output of `api --healthcheck`, as a container would run it.
fn asked(bind_address: &str, port: u16) -> (Option<i32>, String) {
    let mut command = Command::new(path_of("api"));
    command
        .arg("--healthcheck")
        .env_clear()
        .env("BIND_ADDRESS", bind_address)
        .env("PORT", port.to_string());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn the_program_itself_asks_whether_it_is_ready() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    assert_eq!(
        asked("0.0.0.0", api.port()),
        (Some(0), "{\"queue\":\"OK\",\"status\":\"OK\"}\n".to_owned())
    );

    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(QUEUE).await })).await;
    wait::until("readiness is red", async || {
        (asked("127.0.0.1", api.port()).0 == Some(1)).then_some(())
    })
    .await;

    let port = api.port();
    drop(api);
    assert_eq!(asked("127.0.0.1", port), (Some(1), String::new()));
}
