use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_kit::wait;

use crate::harness::{Client, Server};

/// Starts a long poll, and does `work` once it waits. Returns the received bodies, and the time
/// from the end of `work` to the answer.
pub async fn poll_during(
    client: &Client,
    queue: &str,
    work: impl Future<Output = ()>,
) -> (Vec<String>, Duration) {
    let receives = client.receives().await;
    let (poller, queue) = (client.clone(), queue.to_owned());
    let poll = tokio::spawn(async move {
        let messages = poller.receive(&queue, json!({"WaitTimeSeconds": 20})).await;
        (messages, Instant::now())
    });
    client.wait_for_receives(receives + 1).await;
    assert!(!poll.is_finished());
    work.await;
    let done = Instant::now();
    let (messages, answered) = poll.await.unwrap();
    let bodies =
        messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect();
    (bodies, answered.saturating_duration_since(done))
}

/// The limit for a poll that is woken, on a busy machine; a poll that is not woken takes seconds.
pub const WAKE_LIMIT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_long_poll_wakes_immediately_when_a_message_is_sent() {
    let server = Server::with_queue(json!({})).await;
    let client = &server.client;
    let (bodies, took) =
        poll_during(client, "q", async { drop(client.send("q", "hello").await) }).await;
    assert_eq!(bodies, ["hello"]);
    assert!(took < WAKE_LIMIT, "{took:?}");
}

#[tokio::test]
async fn a_long_poll_wakes_immediately_when_a_message_is_released() {
    let server = Server::with_queue(json!({})).await;
    let client = &server.client;
    client.send("q", "hello").await;
    let message = client.receive("q", json!({})).await.remove(0);
    let (bodies, took) = poll_during(client, "q", async {
        assert_eq!(client.change("q", &message, 0).await.status, 200);
    })
    .await;
    assert_eq!(bodies, ["hello"]);
    assert!(took < WAKE_LIMIT, "{took:?}");
}

#[tokio::test]
async fn a_long_poll_wakes_immediately_when_a_delay_or_a_visibility_timeout_is_over() {
    let server = Server::with_queue(json!({})).await;
    let client = &server.client;
    // The end is set during the poll, so the poll must calculate its wait again.
    let delayed = async {
        client
            .ok("SendMessage", json!({"QueueUrl": "q", "MessageBody": "late", "DelaySeconds": 1}))
            .await;
    };
    let (bodies, took) = poll_during(client, "q", delayed).await;
    assert_eq!(bodies, ["late"]);
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_millis(1000) + WAKE_LIMIT,
        "{took:?}"
    );

    client.create("r", json!({})).await;
    client.send("r", "again").await;
    let message = client.receive("r", json!({})).await.remove(0);
    let (bodies, took) = poll_during(client, "r", async {
        assert_eq!(client.change("r", &message, 1).await.status, 200);
    })
    .await;
    assert_eq!(bodies, ["again"]);
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_millis(1000) + WAKE_LIMIT,
        "{took:?}"
    );
}

#[tokio::test]
async fn each_of_many_long_polls_gets_its_message() {
    let server = Server::with_queue(json!({})).await;
    let polls: Vec<_> = (0..20)
        .map(|_| {
            let client = server.client.clone();
            tokio::spawn(async move {
                client.receive("q", json!({"WaitTimeSeconds": 20, "MaxNumberOfMessages": 1})).await
            })
        })
        .collect();
    server.client.wait_for_receives(20).await;
    let started = Instant::now();
    for half in 0..2 {
        let entries: Vec<Value> = (0..10)
            .map(|n| json!({"Id": n.to_string(), "MessageBody": format!("{half}{n}")}))
            .collect();
        server.client.ok("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries})).await;
    }
    for poll in polls {
        assert_eq!(poll.await.unwrap().len(), 1);
    }
    assert!(started.elapsed() < 2 * WAKE_LIMIT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_long_poll_without_messages_ends_empty_at_its_timeout() {
    let server = Server::with_queue(json!({"ReceiveMessageWaitTimeSeconds": "1"})).await;
    let started = Instant::now();
    assert!(server.client.receive("q", json!({})).await.is_empty());
    assert!(started.elapsed() >= Duration::from_secs(1));
    let started = Instant::now();
    assert!(server.client.receive("q", json!({"WaitTimeSeconds": 0})).await.is_empty());
    assert!(started.elapsed() < WAKE_LIMIT);
}

#[tokio::test]
async fn a_long_poll_ends_when_its_queue_is_deleted() {
    let server = Server::with_queue(json!({})).await;
    let client = server.client.clone();
    let poll = tokio::spawn(async move {
        client.call("ReceiveMessage", json!({"QueueUrl": "q", "WaitTimeSeconds": 20})).await
    });
    server.client.wait_for_receives(1).await;
    server.client.ok("DeleteQueue", json!({"QueueUrl": "q"})).await;
    let answer = tokio::time::timeout(WAKE_LIMIT, poll).await.unwrap().unwrap();
    assert_eq!(answer.query_error, "AWS.SimpleQueueService.NonExistentQueue;Sender");
}

#[tokio::test]
async fn a_long_poll_whose_client_has_disconnected_takes_no_message() {
    let server = Server::with_queue(json!({})).await;
    const POLL: Duration = Duration::from_secs(20);
    let request = json!({"QueueUrl": "q", "WaitTimeSeconds": POLL.as_secs()});
    let started = Instant::now();
    let client = Client { http: reqwest::Client::new(), base: server.client.base.clone() };
    let poll = tokio::spawn(async move { client.call("ReceiveMessage", request).await });
    server.client.wait_for_receives(1).await;
    assert_eq!(server.faults.open_calls(), 1);
    poll.abort();
    let noticed = async || server.faults.open_calls() == 0;
    wait::until_true("the server has noticed that the client is gone", noticed).await;
    assert!(started.elapsed() < POLL, "the poll has ended by itself");
    server.client.send("q", "hello").await;
    assert_eq!(server.client.bodies("q").await, ["hello"]);
}
