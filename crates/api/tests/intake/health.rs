//! The health page needs no signature, and shows only states.

use std::process::Command;

use serde_json::{Value, json};
use test_kit::{Service, Stack, program::path_of, stack::QUEUE, wait};

async fn page(api: &Service, path: &str) -> (u16, Value) {
    let answer = api.get(path).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn readiness_follows_the_queue_and_liveness_does_not() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    assert_eq!(
        page(&api, "/healthcheck/ready").await,
        (200, json!({ "status": "OK", "queue": "OK" }))
    );

    stack.sqs.delete_queue(QUEUE).await;
    let red = wait::until("readiness is red", async || {
        let (status, page) = page(&api, "/healthcheck/ready/").await;
        (status == 503).then_some(page)
    });
    assert_eq!(red.await, json!({ "status": "not ready", "queue": "the queue does not exist" }));
    assert_eq!(page(&api, "/healthcheck/").await, (200, json!({ "status": "OK" })));
}

/// The exit status and standard output of `api --healthcheck`, as a container would run it.
fn healthcheck(bind_address: &str, port: u16) -> (Option<i32>, String) {
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
async fn the_program_asks_a_running_api_whether_it_is_ready() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    assert_eq!(
        healthcheck("0.0.0.0", api.port()),
        (Some(0), "{\"queue\":\"OK\",\"status\":\"OK\"}\n".to_owned())
    );

    stack.sqs.delete_queue(QUEUE).await;
    wait::until_true("readiness is red", async || {
        healthcheck("127.0.0.1", api.port()).0 == Some(1)
    })
    .await;

    let port = api.port();
    drop(api);
    assert_eq!(healthcheck("127.0.0.1", port), (Some(1), String::new()));
}
