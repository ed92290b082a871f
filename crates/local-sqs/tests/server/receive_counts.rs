use std::path::Path;

use serde_json::{Value, json};
use test_kit::{Signal, wait};

use crate::harness::{Client, Process, redrive_to};

/// Receives the only message, leaves it visible, and returns its receive count.
async fn receive_once(client: &Client, queue: &str) -> String {
    let message = client.receive(queue, json!({"VisibilityTimeout": 0})).await.remove(0);
    count_of(&message).to_owned()
}

fn count_of(message: &Value) -> &str {
    message["Attributes"]["ApproximateReceiveCount"].as_str().unwrap()
}

async fn with_poison(server: &Process, max_receives: u32) {
    server.client.create("dead", json!({})).await;
    let redrive = redrive_to("dead", max_receives);
    server.client.create("q", json!({"RedrivePolicy": redrive})).await;
    server.client.send("q", "poison").await;
}

/// How much has been written to the data directory.
fn log_bytes(data: &Path) -> u64 {
    data.join("local-sqs.sqlite3-wal").metadata().unwrap().len()
}

#[tokio::test]
async fn a_message_received_before_and_after_restarts_moves_to_the_dead_letter_queue() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let server = Process::start(&data);
    with_poison(&server, 3).await;
    let first = server.client.receive("q", json!({"VisibilityTimeout": 0})).await.remove(0);
    let mut server = server;
    for expected in ["2", "3"] {
        server.service.stop_while_others_run(Signal::Term).await;
        server = Process::start(&data);
        assert_eq!(receive_once(&server.client, "q").await, expected);
    }
    server.service.stop_while_others_run(Signal::Term).await;
    let server = Process::start(&data);
    assert!(server.client.receive("q", json!({})).await.is_empty());
    let moved = server
        .client
        .receive("dead", json!({"WaitTimeSeconds": 5, "VisibilityTimeout": 0}))
        .await
        .remove(0);
    assert_eq!(moved["MessageId"], first["MessageId"]);
    let time = "ApproximateFirstReceiveTimestamp";
    assert_eq!(moved["Attributes"][time], first["Attributes"][time]);
    assert_eq!(count_of(&moved), "4");
    server.service.stop_while_others_run(Signal::Term).await;
    let server = Process::start(&data);
    assert_eq!(receive_once(&server.client, "dead").await, "5");
}

#[tokio::test]
async fn receive_counts_outlive_a_kill_once_they_are_written() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let server = Process::start(&data);
    with_poison(&server, 2).await;
    let before = log_bytes(&data);
    assert_eq!(receive_once(&server.client, "q").await, "1");
    assert_eq!(receive_once(&server.client, "q").await, "2");
    let is_written = async || log_bytes(&data) > before;
    wait::until_true("the counts are written without another request", is_written).await;
    server.kill();

    let server = Process::start(&data);
    assert!(server.client.receive("q", json!({})).await.is_empty());
    let moved = server.client.receive("dead", json!({"WaitTimeSeconds": 5})).await.remove(0);
    assert_eq!(count_of(&moved), "3");
}
