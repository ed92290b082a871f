use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn md5s_match_those_of_sqs() {
    let server = Server::with_queue(json!({})).await;
    let request = json!({
        "QueueUrl": "q",
        "MessageBody": "hello",
        "MessageAttributes": {"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}},
    });
    let sent = server.client.ok("SendMessage", request).await;
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(sent["MD5OfMessageAttributes"], "235c5c510d26fb653d073faed50ae77c");
    assert!(sent.get("MD5OfMessageSystemAttributes").is_none());
    let received = &server.client.receive("q", json!({})).await[0];
    assert_eq!(received["MD5OfBody"], sent["MD5OfMessageBody"]);
    assert_eq!(received["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
}

#[tokio::test]
async fn a_receiver_gets_only_the_attributes_it_asks_for() {
    let server = Server::with_queue(json!({})).await;
    let text = json!({"DataType": "String", "StringValue": "v"});
    let request = json!({
        "QueueUrl": "q",
        "MessageBody": "x",
        "MessageAttributes": {
            "a.one": text,
            "a.two": text,
            "b": {"DataType": "Binary.x", "BinaryValue": "AAEC"},
        },
    });
    server.client.ok("SendMessage", request).await;
    let ask = async |wanted: serde_json::Value| {
        let more = json!({
            "VisibilityTimeout": 0,
            "MessageAttributeNames": wanted,
            "MessageSystemAttributeNames": ["SentTimestamp"],
        });
        let message = server.client.receive("q", more).await.remove(0);
        assert_eq!(message["Attributes"].as_object().unwrap().len(), 1);
        let attributes = message["MessageAttributes"].as_object().cloned().unwrap_or_default();
        assert_eq!(message.get("MD5OfMessageAttributes").is_some(), !attributes.is_empty());
        attributes.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(ask(json!([])).await, [""; 0]);
    assert_eq!(ask(json!(["All"])).await, ["a.one", "a.two", "b"]);
    assert_eq!(ask(json!([".*"])).await, ["a.one", "a.two", "b"]);
    assert_eq!(ask(json!(["a.*"])).await, ["a.one", "a.two"]);
    assert_eq!(ask(json!(["b", "a.two", "missing"])).await, ["a.two", "b"]);
}

#[tokio::test]
async fn a_queue_delays_its_messages_unless_a_message_has_its_own_delay() {
    let server = Server::with_queue(json!({"DelaySeconds": "900"})).await;
    server.client.send("q", "late").await;
    server
        .client
        .ok("SendMessage", json!({"QueueUrl": "q", "MessageBody": "now", "DelaySeconds": 0}))
        .await;
    assert_eq!(server.client.bodies("q").await, ["now"]);
}
