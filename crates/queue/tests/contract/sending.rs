//! A send is `Ok` when SQS has this very message.

use domain::{AttributeValue, Attributes, Message};
use futures_util::future::join_all;
use queue::Cause;
use serde_json::json;

use crate::{
    against_both_servers,
    server::{Server, message, receive_all, sender, sender_of_one_call},
};

against_both_servers!(
    bodies_and_attributes_arrive_as_they_were_sent,
    messages_that_are_sent_together_share_calls_and_all_arrive,
    a_message_that_is_too_long_is_refused_alone,
    a_message_as_long_as_the_queue_takes_arrives,
    long_messages_together_do_not_exceed_a_batch,
    a_message_that_sqs_refuses_fails_alone,
    a_queue_that_was_deleted_is_missing,
);

async fn bodies_and_attributes_arrive_as_they_were_sent(server: Server) {
    let queue = server.pair().await.form;
    let attributes = Attributes::from([
        ("id".to_owned(), AttributeValue::string("0199a7a1-5c3e-7d10-8000-0123456789ab")),
        (
            "count".to_owned(),
            AttributeValue::Text { data_type: "Number".to_owned(), value: "7".to_owned() },
        ),
        (
            "raw".to_owned(),
            AttributeValue::Binary { data_type: "Binary".to_owned(), value: vec![0, 255] },
        ),
    ]);
    let body = "{\"data\":\"é € \\ufffe <&> \u{7f}\"}\t\r\n".to_owned();
    let sent = Message { body, attributes };
    sender(&queue).send(sent.clone()).await.unwrap();

    let deliveries = receive_all(&queue).await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].received.body, sent.body);
    assert_eq!(deliveries[0].received.attributes, sent.attributes);
    assert!(!deliveries[0].received.message_id.is_empty());
}

/// Amazon takes every character but a few; fauxqs, unlike Amazon, none beyond U+FFFF.
#[tokio::test]
async fn characters_beyond_the_basic_plane_arrive() {
    let server = Server::local_sqs();
    let queue = server.pair().await.form;
    sender(&queue).send(message("\u{1F600}")).await.unwrap();
    assert_eq!(receive_all(&queue).await[0].received.body, "\u{1F600}");
}

async fn messages_that_are_sent_together_share_calls_and_all_arrive(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let sends =
        join_all((0..137).map(|number| sender.send(message(&format!("body {number}"))))).await;
    assert!(sends.iter().all(Result::is_ok), "{sends:?}");
    let mut bodies: Vec<String> =
        receive_all(&queue).await.into_iter().map(|delivery| delivery.received.body).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 137);
}

async fn a_message_that_is_too_long_is_refused_alone(server: Server) {
    server.sqs.create("forms", json!({ "MaximumMessageSize": "2048" })).await;
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let long = "x".repeat(2049);
    let (good, bad) = tokio::join!(sender.send(message("good")), sender.send(message(&long)));
    assert_eq!(bad.unwrap_err().cause(), Cause::TooLong);
    good.unwrap();

    // A queue that has become smaller since it was found refuses by itself.
    let input = json!({ "QueueUrl": server.sqs.url("forms").await, "Attributes": { "MaximumMessageSize": "1024" } });
    server.sqs.call("SetQueueAttributes", input).await;
    assert_eq!(sender.send(message(&"x".repeat(2000))).await.unwrap_err().cause(), Cause::TooLong);
    assert_eq!(receive_all(&queue).await.len(), 1);
}

async fn a_message_as_long_as_the_queue_takes_arrives(server: Server) {
    let queue = server.pair().await.form;
    let name_and_value = "id".len() + "String".len() + "7".len();
    let sent = Message {
        body: format!("x{}", "é".repeat(((1 << 20) - name_and_value) / 2)),
        attributes: Attributes::from([("id".to_owned(), AttributeValue::string("7"))]),
    };
    assert_eq!(sent.size(), 1 << 20);
    sender(&queue).send(sent.clone()).await.unwrap();
    assert_eq!(receive_all(&queue).await[0].received.body, sent.body);
}

async fn long_messages_together_do_not_exceed_a_batch(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let body = "x".repeat(300 << 10);
    let sends = join_all((0..7).map(|_| sender.send(message(&body)))).await;
    assert!(sends.iter().all(Result::is_ok), "{sends:?}");
    assert_eq!(receive_all(&queue).await.len(), 7);
}

async fn a_message_that_sqs_refuses_fails_alone(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let sends = ["good", "bad \u{1}", "good"].map(|body| sender.send(message(body)));
    let causes =
        join_all(sends).await.into_iter().map(|sent| sent.err().map(|error| error.cause()));
    // A server may refuse the whole call for one entry, but never confirm what it did not take.
    let causes: Vec<_> = causes.collect();
    assert_eq!(causes[1], Some(Cause::Refused));
    let confirmed = causes.iter().filter(|cause| cause.is_none()).count();
    assert_eq!(receive_all(&queue).await.len(), confirmed);
}

async fn a_queue_that_was_deleted_is_missing(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    server.sqs.call("DeleteQueue", json!({ "QueueUrl": server.sqs.url("forms").await })).await;
    assert_eq!(sender.send(message("x")).await.unwrap_err().cause(), Cause::MissingQueue);
    assert_eq!(queue.answers().await.unwrap_err().cause(), Cause::MissingQueue);
}

/// Amazon refuses a call whole for what one of its entries is; the others must not hear that as their own.
#[tokio::test]
async fn a_call_that_is_refused_whole_is_made_for_each_message_alone() {
    let server = Server::local_sqs();
    let queue = server.pair().await.form;
    for code in ["BatchRequestTooLong", "InvalidMessageContents"] {
        // The first call holds the others up, so that they share the next one, which is refused.
        server
            .sqs
            .fault(json!({ "action": "SendMessageBatch", "kind": "delay", "ms": 300, "times": 1 }))
            .await;
        let sender = sender_of_one_call(&queue);
        let first = sender.send(message("first"));
        let others = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let refused = json!({ "action": "SendMessageBatch", "kind": "error", "status": 400, "code": code, "times": 1 });
            server.sqs.fault(refused).await;
            join_all((0..5).map(|number| sender.send(message(&number.to_string())))).await
        };
        let (first, others) = tokio::join!(first, others);
        first.unwrap();
        assert!(others.iter().all(Result::is_ok), "{others:?}");
        assert_eq!(receive_all(&queue).await.len(), 6);
        server.sqs.no_faults().await;
    }
}
