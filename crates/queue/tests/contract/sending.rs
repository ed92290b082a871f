//! A send is `Ok` only if SQS has this very message.

use std::time::Duration;

use domain::{AttributeValue, Attributes, Message};
use futures_util::future::join_all;
use queue::Cause;
use serde_json::json;
use test_kit::{Fault, wait};
use tokio::time::Instant;

use crate::{
    against_both_servers,
    server::{Server, message, receive_all, sender, sender_of_one_call},
};

against_both_servers!(
    bodies_and_attributes_arrive_as_they_were_sent,
    concurrent_messages_share_calls_and_all_arrive,
    only_the_message_that_is_too_long_is_refused,
    a_limit_that_was_raised_is_learnt_at_the_next_look,
    a_limit_that_was_lowered_is_learnt_once_sqs_refuses_a_message,
    a_message_of_the_largest_size_arrives,
    long_messages_are_split_into_several_batches,
    only_the_message_that_sqs_refuses_fails,
    sending_to_a_deleted_queue_is_an_error,
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

/// Amazon accepts almost every character; fauxqs, unlike Amazon, none beyond U+FFFF.
#[tokio::test]
async fn characters_beyond_the_basic_plane_arrive() {
    let server = Server::local_sqs();
    let queue = server.pair().await.form;
    sender(&queue).send(message("\u{1F600}")).await.unwrap();
    assert_eq!(receive_all(&queue).await[0].received.body, "\u{1F600}");
}

async fn concurrent_messages_share_calls_and_all_arrive(server: Server) {
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

/// JSON escapes each quote. SQS accepts ten of these bodies in one call, but they make a request
/// that is longer than its front end accepts.
#[tokio::test]
async fn messages_that_grow_when_escaped_are_split_into_shorter_requests() {
    let server = Server::local_sqs();
    let queue = server.pair().await.form;
    let body = "\"".repeat(100_000);
    let sender = sender(&queue);
    let sends = join_all((0..10).map(|_| sender.send(message(&body)))).await;
    assert!(sends.iter().all(Result::is_ok), "{sends:?}");
    let messages: Vec<Message> = (0..10).map(|_| message(&body)).collect();
    let within = Duration::from_secs(10);
    let sends = queue.send_all(&messages, within, Instant::now() + within).await;
    assert!(sends.iter().all(Result::is_ok), "{sends:?}");
    let calls = server.sqs.requests("SendMessageBatch").await;
    assert!(calls < 20, "no call was refused and its messages sent alone: {calls} calls");
    assert_eq!(receive_all(&queue).await.len(), 20);
}

/// Control characters take six bytes each in JSON, and SQS's own limit counts them as one.
#[tokio::test]
async fn a_request_that_the_front_end_refuses_is_too_long_and_no_outage() {
    let server = Server::local_sqs();
    let queue = server.pair().await.form;
    let long = "\t\"".repeat(500_000);
    let sender = sender(&queue);
    let (good, bad) = tokio::join!(sender.send(message("good")), sender.send(message(&long)));
    assert_eq!(bad.unwrap_err().cause(), Cause::TooLong);
    good.unwrap();
}

async fn only_the_message_that_is_too_long_is_refused(server: Server) {
    server.sqs.create("forms", json!({ "MaximumMessageSize": "2048" })).await;
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let long = "x".repeat(2049);
    let (good, bad) = tokio::join!(sender.send(message("good")), sender.send(message(&long)));
    assert_eq!(bad.unwrap_err().cause(), Cause::TooLong);
    good.unwrap();

    // If the limit was lowered after the queue was found, SQS refuses the message itself.
    let input = json!({ "QueueUrl": server.sqs.url("forms").await, "Attributes": { "MaximumMessageSize": "1024" } });
    server.sqs.call("SetQueueAttributes", input).await;
    assert_eq!(sender.send(message(&"x".repeat(2000))).await.unwrap_err().cause(), Cause::TooLong);
    assert_eq!(receive_all(&queue).await.len(), 1);
}

async fn set_limit(server: &Server, bytes: &str) {
    let input = json!({ "QueueUrl": server.sqs.url("forms").await, "Attributes": { "MaximumMessageSize": bytes } });
    server.sqs.call("SetQueueAttributes", input).await;
}

async fn a_limit_that_was_raised_is_learnt_at_the_next_look(server: Server) {
    server.sqs.create("forms", json!({ "MaximumMessageSize": "2048" })).await;
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    set_limit(&server, "4096").await;
    let long = message(&"x".repeat(4000));
    assert_eq!(sender.send(long.clone()).await.unwrap_err().cause(), Cause::TooLong);
    let learnt =
        wait::until_true("the limit is known", async || queue.max_message_size() == Some(4096));
    tokio::select! {
        _ = queue.watch(Duration::from_millis(100)) => {}
        () = learnt => {}
    }
    sender.send(long).await.unwrap();
}

async fn a_limit_that_was_lowered_is_learnt_once_sqs_refuses_a_message(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    set_limit(&server, "1024").await;
    let long = message(&"x".repeat(2000));
    assert_eq!(sender.send(long).await.unwrap_err().cause(), Cause::TooLong);
    let learnt =
        wait::until_true("the limit is known", async || queue.max_message_size() == Some(1024));
    tokio::select! {
        _ = queue.watch(queue::LOOK_EVERY) => {}
        () = learnt => {}
    }
}

async fn a_message_of_the_largest_size_arrives(server: Server) {
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

async fn long_messages_are_split_into_several_batches(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let body = "x".repeat(300 << 10);
    let sends = join_all((0..7).map(|_| sender.send(message(&body)))).await;
    assert!(sends.iter().all(Result::is_ok), "{sends:?}");
    assert_eq!(receive_all(&queue).await.len(), 7);
}

async fn only_the_message_that_sqs_refuses_fails(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let sends = ["good", "bad \u{1}", "good"].map(|body| sender.send(message(body)));
    let causes =
        join_all(sends).await.into_iter().map(|sent| sent.err().map(|error| error.cause()));
    // A server may refuse the whole call because of one entry, but never confirms a message that it did not take.
    let causes: Vec<_> = causes.collect();
    assert_eq!(causes[1], Some(Cause::Refused));
    let confirmed = causes.iter().filter(|cause| cause.is_none()).count();
    assert_eq!(receive_all(&queue).await.len(), confirmed);
}

async fn sending_to_a_deleted_queue_is_an_error(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    server.sqs.delete_queue("forms").await;
    assert_eq!(sender.send(message("x")).await.unwrap_err().cause(), Cause::MissingQueue);
    assert_eq!(queue.answers().await.unwrap_err().cause(), Cause::MissingQueue);
}

/// Amazon refuses a whole call because of one bad entry; the other entries must not get that as their result.
#[tokio::test]
async fn after_a_refused_call_each_message_gets_a_call_of_its_own() {
    let server = Server::local_sqs();
    let queue = server.pair().await.form;
    for code in ["BatchRequestTooLong", "InvalidMessageContents"] {
        // The first call delays the others, so that they share the next one, which is refused.
        let delay = Fault::on("SendMessageBatch").delay(Duration::from_millis(300));
        server.sqs.fault(delay.times(1)).await;
        let calls_before = server.sqs.requests("SendMessageBatch").await;
        let sender = sender_of_one_call(&queue);
        let first = sender.send(message("first"));
        let others = async {
            wait::until_true("the first call", async || {
                server.sqs.requests("SendMessageBatch").await > calls_before
            })
            .await;
            server.sqs.fault(Fault::on("SendMessageBatch").error(400, code).times(1)).await;
            join_all((0..5).map(|number| sender.send(message(&number.to_string())))).await
        };
        let (first, others) = tokio::join!(first, others);
        first.unwrap();
        assert!(others.iter().all(Result::is_ok), "{others:?}");
        assert_eq!(receive_all(&queue).await.len(), 6);
        server.sqs.no_faults().await;
    }
}
