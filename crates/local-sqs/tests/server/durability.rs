use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_kit::Signal;

use crate::harness::{Client, Process, redrive_to};

/// A data directory that does not exist yet.
fn data(parent: &TempDir) -> PathBuf {
    parent.path().join("data")
}

/// A server that is killed once `kill_after` sent messages have been answered, in the middle of
/// other sends.
struct ServerToKill {
    client: Client,
    answered: AtomicUsize,
    kill_after: usize,
    server: Process,
}

impl ServerToKill {
    /// Sends batches until the server is gone, and returns the bodies of the answered ones.
    async fn send_until_killed(&self, sender: &str) -> Vec<String> {
        let mut sent = Vec::new();
        for batch in 0.. {
            let bodies: Vec<String> =
                (0..10).map(|n| format!("{sender}-{batch}-{n} {}", "x".repeat(500))).collect();
            let entries: Vec<Value> = bodies
                .iter()
                .enumerate()
                .map(|(n, body)| json!({"Id": n.to_string(), "MessageBody": body}))
                .collect();
            let request = json!({"QueueUrl": "q", "Entries": entries}).to_string();
            let Ok(answer) = self.client.try_call("SendMessageBatch", request).await else { break };
            if self.answered.fetch_add(10, Ordering::Relaxed) >= self.kill_after {
                // Immediately: a server that answers before it stores loses messages now.
                self.server.service.signal(Signal::Kill);
            }
            assert_eq!(answer.body["Successful"].as_array().unwrap().len(), 10);
            sent.extend(bodies);
        }
        sent
    }
}

async fn drain(client: &Client, queue: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let messages = client.receive(queue, json!({})).await;
        if messages.is_empty() {
            return all;
        }
        all.extend(messages);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_send_outlives_kills_in_the_middle_of_concurrent_sends() {
    let parent = tempfile::tempdir().unwrap();
    let mut expected = HashSet::new();
    // Several kills, because each hits the writer at another moment.
    for round in 0..6 {
        let server = Process::start(&data(&parent));
        server.client.create("q", json!({"VisibilityTimeout": "600"})).await;
        let victim = Arc::new(ServerToKill {
            client: server.client.clone(),
            answered: AtomicUsize::new(0),
            kill_after: 300 + 70 * round,
            server,
        });
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let (victim, name) = (Arc::clone(&victim), format!("{round}-{sender}"));
                tokio::spawn(async move { victim.send_until_killed(&name).await })
            })
            .collect();
        for sender in senders {
            expected.extend(sender.await.unwrap());
        }
    }
    let server = Process::start(&data(&parent));
    let stored = drain(&server.client, "q").await;
    let distinct: HashSet<String> =
        stored.iter().map(|m| m["Body"].as_str().unwrap().to_owned()).collect();
    assert_eq!(distinct.len(), stored.len(), "a message is stored twice");
    let lost = expected.difference(&distinct).count();
    assert_eq!(lost, 0, "lost messages, of {} answered sends", expected.len());
}

#[tokio::test]
async fn every_answered_delete_outlives_a_kill_and_nothing_else_is_deleted() {
    let parent = tempfile::tempdir().unwrap();
    let server = Process::start(&data(&parent));
    let client = server.client.clone();
    client.create("q", json!({})).await;
    for n in 0..30 {
        client.send("q", &n.to_string()).await;
    }
    let mut kept = Vec::new();
    for (n, message) in drain(&client, "q").await.into_iter().enumerate() {
        if n % 3 == 0 {
            kept.push(message["Body"].clone());
        } else {
            client.delete("q", &message).await;
        }
    }
    server.kill();
    let server = Process::start(&data(&parent));
    let stored: Vec<Value> =
        drain(&server.client, "q").await.iter().map(|m| m["Body"].clone()).collect();
    assert_eq!(stored, kept);
}

#[tokio::test]
async fn a_restart_keeps_queues_with_their_attributes_and_messages() {
    let parent = tempfile::tempdir().unwrap();
    let server = Process::start(&data(&parent));
    let client = server.client.clone();
    client.create("dead", json!({"MessageRetentionPeriod": "1209600"})).await;
    client.create("q", json!({"RedrivePolicy": redrive_to("dead", 1)})).await;
    client
        .ok(
            "SetQueueAttributes",
            json!({"QueueUrl": "q", "Attributes": {"VisibilityTimeout": "77"}}),
        )
        .await;
    client.create("gone", json!({})).await;
    client.send("gone", "x").await;
    client.ok("DeleteQueue", json!({"QueueUrl": "gone"})).await;
    client.create("purged", json!({})).await;
    client.send("purged", "x").await;
    client.ok("PurgeQueue", json!({"QueueUrl": "purged"})).await;
    client.send("q", "poison").await;
    client.receive("q", json!({"VisibilityTimeout": 0})).await;
    assert!(client.receive("q", json!({})).await.is_empty());
    let poison = client
        .receive("dead", json!({"WaitTimeSeconds": 5, "VisibilityTimeout": 0}))
        .await
        .remove(0);
    let attributes = json!({
        "text": {"DataType": "String", "StringValue": "Grüße 🦀"},
        "raw": {"DataType": "Binary.x", "BinaryValue": "AAEC/w=="},
    });
    let sent = client
        .ok(
            "SendMessage",
            json!({
                "QueueUrl": "q",
                "MessageBody": "body \" \\ \t 世界",
                "MessageAttributes": attributes,
            }),
        )
        .await;
    client
        .ok("SendMessage", json!({"QueueUrl": "q", "MessageBody": "later", "DelaySeconds": 900}))
        .await;
    let before = client.receive("q", json!({})).await.remove(0);
    server.kill();

    let server = Process::start(&data(&parent));
    let client = &server.client;
    let listed = client.ok("ListQueues", json!({})).await;
    assert_eq!(listed["QueueUrls"].as_array().unwrap().len(), 3);
    assert_eq!(client.attribute("dead", "MessageRetentionPeriod").await, "1209600");
    assert_eq!(client.attribute("q", "VisibilityTimeout").await, "77");
    assert_eq!(client.attribute("q", "RedrivePolicy").await, redrive_to("dead", 1));
    assert_eq!(client.attribute("q", "ApproximateNumberOfMessagesDelayed").await, "1");
    assert!(client.bodies("purged").await.is_empty());
    let after = client.receive("q", json!({})).await;
    assert_eq!(after.len(), 1, "the message was in flight before, so it is visible now");
    for name in ["Body", "MD5OfBody", "MessageAttributes", "MD5OfMessageAttributes", "MessageId"] {
        assert_eq!(after[0][name], before[name], "{name}");
    }
    assert_eq!(after[0]["MessageId"], sent["MessageId"]);
    assert_eq!(after[0]["Attributes"]["SentTimestamp"], before["Attributes"]["SentTimestamp"]);
    let moved = client.receive("dead", json!({})).await.remove(0);
    assert_eq!(moved["MessageId"], poison["MessageId"]);
    assert_eq!(
        moved["Attributes"]["DeadLetterQueueSourceArn"],
        "arn:aws:sqs:eu-west-1:000000000000:q"
    );
    // With a handle from before the restart the answer is success, but the message stays.
    client.delete("q", &before).await;
    assert_eq!(client.attribute("q", "ApproximateNumberOfMessagesNotVisible").await, "1");
}

#[tokio::test]
async fn message_ids_are_never_reused_even_after_all_messages_are_deleted() {
    let parent = tempfile::tempdir().unwrap();
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let server = Process::start(&data(&parent));
        server.client.create("q", json!({})).await;
        for n in 0..5 {
            assert!(ids.insert(server.client.send("q", &n.to_string()).await));
        }
        for message in drain(&server.client, "q").await {
            server.client.delete("q", &message).await;
        }
        server.kill();
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused_with_a_reason() {
    let parent = tempfile::tempdir().unwrap();
    let server = Process::start(&data(&parent));
    let directory = data(&parent);
    let second = tokio::task::spawn_blocking(move || Process::command(&directory).output());
    let second = second.await.unwrap().unwrap();
    assert!(!second.status.success());
    let reason = String::from_utf8_lossy(&second.stderr);
    assert!(reason.contains("is in use by another process"), "{reason}");
    server.client.create("q", json!({})).await;
}
