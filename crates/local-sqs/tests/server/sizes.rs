use serde_json::json;

use crate::{
    harness::Server,
    limits::{batch, entry, send},
};

#[tokio::test]
async fn the_size_of_a_message_is_its_body_and_the_names_types_and_values_of_its_attributes() {
    let server = Server::with_queue(json!({"MaximumMessageSize": "1024"})).await;
    // "a" + "Binary" + 3 bytes, "é" is 2 bytes.
    let message = |body_bytes: usize| {
        json!({
            "QueueUrl": "q",
            "MessageBody": "é".repeat(body_bytes / 2),
            "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": "AAEC"}},
        })
    };
    server.client.ok("SendMessage", message(1014)).await;
    let answer = server.client.call("SendMessage", message(1016)).await;
    assert_eq!(answer.query_error, "InvalidParameterValue;Sender");
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_accepted_alone_and_in_a_batch() {
    let server = Server::with_queue(json!({})).await;
    // JSON writes this character as two bytes.
    let body = "\t".repeat(600_000) + &"x".repeat((1 << 20) - 600_000);
    server.client.ok("SendMessage", send(json!({"MessageBody": body}))).await;
    assert_eq!(server.client.bodies("q").await, [body]);
    let request = batch(vec![
        json!({"Id": "a", "MessageBody": "x".repeat((1 << 20) - 1)}),
        json!({"Id": "b", "MessageBody": "x"}),
    ]);
    server.client.ok("SendMessageBatch", request).await;
}

#[tokio::test]
async fn invalid_entries_of_a_batch_fail_and_the_others_are_sent() {
    let server = Server::with_queue(json!({"MaximumMessageSize": "1024"})).await;
    let answer = server
        .client
        .ok(
            "SendMessageBatch",
            batch(vec![
                entry("good"),
                json!({"Id": "long", "MessageBody": "x".repeat(1025)}),
                json!({"Id": "nul", "MessageBody": "\u{0}"}),
                json!({"Id": "none"}),
            ]),
        )
        .await;
    assert_eq!(answer["Successful"].as_array().unwrap().len(), 1);
    let failed: Vec<_> = answer["Failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["Id"].as_str().unwrap(),
                entry["Code"].as_str().unwrap(),
                entry["SenderFault"] == true,
            )
        })
        .collect();
    assert_eq!(
        failed,
        [
            ("long", "InvalidParameterValue", true),
            ("nul", "InvalidMessageContents", true),
            ("none", "MissingParameter", true)
        ]
    );
    assert_eq!(server.client.bodies("q").await, ["x"]);
}
