use serde_json::json;

use crate::{
    harness::Server,
    limits::{batch, send},
};

#[tokio::test]
async fn errors_of_the_service_model_have_its_shape_names() {
    let server = Server::with_queue(json!({})).await;
    for (action, request, shape) in [
        ("GetQueueUrl", json!({"QueueName": "no"}), "com.amazonaws.sqs#QueueDoesNotExist"),
        ("SendMessageBatch", batch(vec![]), "com.amazonaws.sqs#EmptyBatchRequest"),
        (
            "CreateQueue",
            json!({"QueueName": "q", "Attributes": {"DelaySeconds": "1"}}),
            "com.amazonaws.sqs#QueueNameExists",
        ),
        (
            "DeleteMessage",
            json!({"QueueUrl": "q", "ReceiptHandle": "x"}),
            "com.amazonaws.sqs#ReceiptHandleIsInvalid",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "\u{0}"})),
            "com.amazonaws.sqs#InvalidMessageContents",
        ),
    ] {
        assert_eq!(server.client.call(action, request).await.body["__type"], shape, "{action}");
    }
}

#[tokio::test]
async fn requests_with_invalid_json_are_refused() {
    let server = Server::with_queue(json!({})).await;
    for (reason, body) in [
        ("not JSON", "nonsense"),
        ("nothing", ""),
        ("an array", "[]"),
        ("a lone surrogate", r#"{"QueueUrl":"q","MessageBody":"\ud800"}"#),
        ("a body that is a number", r#"{"QueueUrl":"q","MessageBody":1}"#),
    ] {
        let answer = server.client.try_call("SendMessage", body.to_owned()).await.unwrap();
        assert_eq!(
            (answer.status, answer.query_error.as_str()),
            (400, "SerializationException;Sender"),
            "{reason}"
        );
    }
}
