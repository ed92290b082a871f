use serde_json::json;

use crate::{
    harness::Server,
    limits::{batch, entry},
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
async fn a_body_of_one_mebibyte_is_accepted_even_if_json_escapes_every_byte() {
    let server = Server::with_queue(json!({})).await;
    let escaped = "\\u0009".repeat(1 << 20);
    let request = format!(r#"{{"QueueUrl":"q","MessageBody":"{escaped}"}}"#);
    assert_eq!(server.client.try_call("SendMessage", request).await.unwrap().status, 200);
    let body = &server.client.bodies("q").await[0];
    assert!(body.len() == 1 << 20 && body.bytes().all(|byte| byte == b'\t'));
    let request = batch(vec![
        json!({"Id": "a", "MessageBody": "x".repeat((1 << 20) - 1)}),
        json!({"Id": "b", "MessageBody": "x"}),
    ]);
    server.client.ok("SendMessageBatch", request).await;
}

#[tokio::test]
async fn a_request_over_16_mebibytes_is_refused() {
    let server = Server::with_queue(json!({})).await;
    let request = format!(r#"{{"QueueUrl":"q","MessageBody":"{}"}}"#, "x".repeat(16 << 20));
    // The server may close the connection before everything is sent.
    if let Ok(answer) = server.client.try_call("SendMessage", request).await {
        assert_eq!(
            (answer.status, answer.query_error.as_str()),
            (413, "RequestEntityTooLarge;Sender")
        );
    }
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessages").await, "0");
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
