use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use test_kit::wait;

use crate::{
    harness::{Server, redrive_to},
    polling::{WAKE_LIMIT, poll_during},
};

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue() {
    let server = Server::start();
    let client = &server.client;
    client.create("dead", json!({})).await;
    client.create("q", json!({"RedrivePolicy": redrive_to("dead", 2)})).await;
    let id = client.send("q", "poison").await;
    for count in ["1", "2"] {
        let message = &client.receive("q", json!({"VisibilityTimeout": 0})).await[0];
        assert_eq!(message["Attributes"]["ApproximateReceiveCount"], count);
    }
    // A poll of the dead-letter queue wakes as well.
    let (bodies, took) = poll_during(client, "dead", async {
        assert!(client.receive("q", json!({})).await.is_empty());
    })
    .await;
    assert_eq!(bodies, ["poison"]);
    assert!(took < WAKE_LIMIT, "{took:?}");
    assert!(client.bodies("q").await.is_empty());
    assert_eq!(client.attribute("dead", "ApproximateNumberOfMessagesNotVisible").await, "1");
    client.create("later", json!({})).await;
    client
        .ok(
            "SetQueueAttributes",
            json!({"QueueUrl": "dead", "Attributes": {"VisibilityTimeout": "0"}}),
        )
        .await;
    client.send("dead", "other").await;
    let other = client.receive("dead", json!({})).await;
    assert!(other[0]["Attributes"].get("DeadLetterQueueSourceArn").is_none());
    assert_ne!(other[0]["MessageId"], id);
}

#[tokio::test]
async fn a_moved_message_keeps_its_id_attributes_and_count_and_shows_its_old_queue() {
    let server = Server::start();
    let client = &server.client;
    client.create("dead", json!({})).await;
    client.create("q", json!({"RedrivePolicy": redrive_to("dead", 1)})).await;
    let attributes = json!({"id": {"DataType": "String", "StringValue": "v"}});
    let request = json!({"QueueUrl": "q", "MessageBody": "x", "MessageAttributes": attributes});
    let sent = client.ok("SendMessage", request).await;
    let first = client.receive("q", json!({"VisibilityTimeout": 0})).await.remove(0);
    assert!(client.receive("q", json!({})).await.is_empty());
    let moved = client.receive("dead", json!({"WaitTimeSeconds": 5})).await.remove(0);
    assert_eq!(moved["MessageId"], sent["MessageId"]);
    assert_eq!(moved["MessageAttributes"], attributes);
    assert_eq!(moved["Attributes"]["ApproximateReceiveCount"], "2");
    assert_eq!(
        moved["Attributes"]["DeadLetterQueueSourceArn"],
        "arn:aws:sqs:eu-west-1:000000000000:q"
    );
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        assert_eq!(moved["Attributes"][name], first["Attributes"][name], "{name}");
    }
    // The handle from the old queue deletes nothing here.
    client.delete("q", &first).await;
    assert_eq!(client.attribute("dead", "ApproximateNumberOfMessagesNotVisible").await, "1");
}

#[tokio::test]
async fn a_stale_handle_deletes_nothing_and_changes_nothing() {
    let server = Server::with_queue(json!({})).await;
    let client = &server.client;
    client.send("q", "hello").await;
    let stale = client.receive("q", json!({"VisibilityTimeout": 0})).await.remove(0);
    let latest = client.receive("q", json!({})).await.remove(0);
    assert_ne!(stale["ReceiptHandle"], latest["ReceiptHandle"]);
    client.delete("q", &stale).await;
    assert_eq!(client.attribute("q", "ApproximateNumberOfMessagesNotVisible").await, "1");
    assert_eq!(client.change("q", &stale, 0).await.query_error, "InvalidParameterValue;Sender");
    assert_eq!(client.change("q", &latest, 0).await.status, 200);
    let again = client.receive("q", json!({})).await.remove(0);
    client.delete("q", &again).await;
    client.delete("q", &again).await;
    assert_eq!(client.change("q", &again, 0).await.query_error, "InvalidParameterValue;Sender");
    assert_eq!(client.attribute("q", "ApproximateNumberOfMessagesNotVisible").await, "0");
}

#[tokio::test]
async fn a_handle_past_its_visibility_timeout_still_deletes_but_cannot_change_visibility() {
    let server = Server::with_queue(json!({})).await;
    let client = &server.client;
    client.send("q", "hello").await;
    let message = client.receive("q", json!({"VisibilityTimeout": 0})).await.remove(0);
    let code = "AWS.SimpleQueueService.MessageNotInflight;Sender";
    assert_eq!(client.change("q", &message, 5).await.query_error, code);
    client.delete("q", &message).await;
    assert!(client.bodies("q").await.is_empty());
}

#[tokio::test]
async fn visibility_cannot_be_extended_beyond_twelve_hours_after_the_receive() {
    let server = Server::with_queue(json!({})).await;
    let client = &server.client;
    client.send("q", "hello").await;
    let message = client.receive("q", json!({})).await.remove(0);
    let received = &message["Attributes"]["ApproximateFirstReceiveTimestamp"];
    let received = Duration::from_millis(received.as_str().unwrap().parse().unwrap());
    let is_later = async || UNIX_EPOCH.elapsed().unwrap().as_millis() > received.as_millis();
    wait::until_true("a millisecond has passed since the receive", is_later).await;
    assert_eq!(
        client.change("q", &message, 43_200).await.query_error,
        "InvalidParameterValue;Sender"
    );
    assert_eq!(client.change("q", &message, 43_199).await.status, 200);
}

#[tokio::test]
async fn many_consumers_receive_each_message_once() {
    let server = Server::with_queue(json!({})).await;
    let client = server.client.clone();
    let sender = tokio::spawn(async move {
        for batch in 0..50 {
            let entries: Vec<Value> = (0..10)
                .map(|n| json!({"Id": n.to_string(), "MessageBody": (batch * 10 + n).to_string()}))
                .collect();
            client.ok("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries})).await;
        }
    });
    let consumers: Vec<_> = (0..8)
        .map(|_| {
            let client = server.client.clone();
            tokio::spawn(async move {
                let mut bodies = Vec::new();
                loop {
                    let messages = client.receive("q", json!({"WaitTimeSeconds": 1})).await;
                    if messages.is_empty() {
                        return bodies;
                    }
                    let entries: Vec<Value> = messages
                        .iter()
                        .map(|message| {
                            let handle = &message["ReceiptHandle"];
                            json!({"Id": message["Body"], "ReceiptHandle": handle})
                        })
                        .collect();
                    let request = json!({"QueueUrl": "q", "Entries": entries});
                    client.ok("DeleteMessageBatch", request).await;
                    let received = messages.iter().map(|message| message["Body"].as_str().unwrap());
                    bodies.extend(received.map(str::to_owned));
                }
            })
        })
        .collect();
    sender.await.unwrap();
    let mut bodies: Vec<usize> = Vec::new();
    for consumer in consumers {
        bodies.extend(consumer.await.unwrap().iter().map(|body| body.parse::<usize>().unwrap()));
    }
    bodies.sort_unstable();
    assert_eq!(bodies, (0..500).collect::<Vec<_>>());
}
