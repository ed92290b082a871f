use std::{collections::HashSet, fs, path::Path};

use serde_json::{Value, json};
use test_kit::{Signal, wait};

use crate::{
    harness::{Client, Process},
    small_disk::SmallDisk,
};

const MIB: u64 = 1 << 20;

/// The size of the database and its write-ahead log.
fn stored_bytes(data: &Path) -> u64 {
    let size = |name: &str| fs::metadata(data.join(name)).map_or(0, |file| file.len());
    size("local-sqs.sqlite3") + size("local-sqs.sqlite3-wal")
}

/// Sends ten messages of this many bytes; whether the server took them.
async fn try_send_ten(client: &Client, round: usize, bytes: usize) -> bool {
    let body = |n: usize| format!("{round}-{n} {}", "x".repeat(bytes));
    let entries: Vec<Value> =
        (0..10).map(|n| json!({"Id": n.to_string(), "MessageBody": body(n)})).collect();
    let answer =
        client.call("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries})).await;
    assert!([200, 500].contains(&answer.status), "{answer:?}");
    answer.status == 200
}

/// Receives everything and deletes it; returns the first words of the bodies.
async fn drain(client: &Client) -> HashSet<String> {
    let mut names = HashSet::new();
    loop {
        let messages = client.receive("q", json!({})).await;
        if messages.is_empty() {
            return names;
        }
        let entries: Vec<Value> = messages
            .iter()
            .enumerate()
            .map(|(n, message)| {
                json!({"Id": n.to_string(), "ReceiptHandle": message["ReceiptHandle"]})
            })
            .collect();
        client.ok("DeleteMessageBatch", json!({"QueueUrl": "q", "Entries": entries})).await;
        names.extend(messages.iter().map(|message| {
            let body = message["Body"].as_str().unwrap();
            body.split(' ').next().unwrap().to_owned()
        }));
    }
}

#[tokio::test]
async fn the_files_shrink_after_their_messages_were_deleted_and_what_is_left_is_intact() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let server = Process::start(&data);
    let client = server.client.clone();
    client.create("q", json!({})).await;
    for round in 0..20 {
        assert!(try_send_ten(&client, round, 60_000).await);
    }
    client.create("kept", json!({})).await;
    client.send("kept", &"last".repeat(10_000)).await;
    let full = stored_bytes(&data);
    assert_eq!(drain(&client).await.len(), 200);
    let is_small = async || stored_bytes(&data) < 6 * MIB;
    wait::until_true("the files are small", is_small).await;
    println!("{} MiB before, {} KiB after", full / MIB, stored_bytes(&data) >> 10);
    assert!(try_send_ten(&client, 100, 60_000).await);
    server.kill();
    let server = Process::start(&data);
    assert_eq!(server.client.bodies("kept").await, ["last".repeat(10_000)]);
    assert_eq!(drain(&server.client).await.len(), 10);
}

#[tokio::test]
async fn a_full_disk_can_be_drained_and_then_takes_messages_again() {
    let Some(disk) = SmallDisk::mount("128m") else {
        println!("NOT RUN: only root may mount a file system.");
        return;
    };
    let data = disk.path().join("data");
    let server = Process::start(&data);
    let client = server.client.clone();
    client.create("q", json!({})).await;
    let mut rounds = 0;
    assert!(try_send_ten(&client, 0, 10).await);
    assert_eq!(drain(&client).await.len(), 10);
    let filled = disk.fill_except(10 * MIB);
    while try_send_ten(&client, rounds, 60_000).await {
        rounds += 1;
    }
    println!("{rounds} batches of 600 kB were stored");
    assert!(!try_send_ten(&client, rounds, 60_000).await, "the reserve is for deletes");
    assert_eq!(drain(&client).await.len(), rounds * 10);
    drop(filled);
    let is_taken = async || try_send_ten(&client, rounds, 60_000).await;
    wait::until_true("messages are taken again", is_taken).await;
    assert_eq!(drain(&client).await.len(), 10);
}

#[tokio::test]
async fn a_disk_that_others_have_filled_can_be_drained_after_a_restart_too() {
    let Some(disk) = SmallDisk::mount("128m") else {
        println!("NOT RUN: only root may mount a file system.");
        return;
    };
    let data = disk.path().join("data");
    let server = Process::start(&data);
    server.client.create("q", json!({})).await;
    for round in 0..30 {
        assert!(try_send_ten(&server.client, round, 20_000).await);
    }
    let filled = disk.fill_except(0);
    server.service.stop_while_others_run(Signal::Kill).await;
    let server = Process::start(&data);
    assert_eq!(drain(&server.client).await.len(), 300);
    drop(filled);
    let is_taken = async || try_send_ten(&server.client, 0, 20_000).await;
    wait::until_true("messages are taken again", is_taken).await;
}
