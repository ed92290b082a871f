//! The finder finds queues, and creates missing ones.

use queue::Cause;
use serde_json::json;

use crate::{against_both_servers, server::Server};

against_both_servers!(
    missing_queues_are_created_with_a_redrive_policy_and_the_longest_retention,
    existing_queues_are_used_as_they_are,
    a_missing_queue_that_may_not_be_created_is_an_error,
    many_services_may_start_at_once,
    the_api_creates_both_queues_and_needs_only_the_form_queue,
);

async fn missing_queues_are_created_with_a_redrive_policy_and_the_longest_retention(
    server: Server,
) {
    let pair = server.pair().await;
    assert_eq!((pair.form.name(), pair.invalid.name()), ("forms", "forms-invalid"));
    assert_eq!(pair.form.max_message_size(), Some(1 << 20));

    let form = server.sqs.attributes("forms").await;
    let policy: serde_json::Value = serde_json::from_str(&form["RedrivePolicy"]).unwrap();
    assert_eq!(policy["maxReceiveCount"].to_string().trim_matches('"'), "20");
    assert!(policy["deadLetterTargetArn"].as_str().unwrap().ends_with(":forms-invalid"));
    assert_eq!(form["MessageRetentionPeriod"], "1209600");
    assert_eq!(server.sqs.attributes("forms-invalid").await["MessageRetentionPeriod"], "1209600");
}

async fn existing_queues_are_used_as_they_are(server: Server) {
    server
        .sqs
        .create("forms", json!({ "MaximumMessageSize": "2048", "VisibilityTimeout": "7" }))
        .await;
    server.sqs.create("forms-invalid", json!({ "MaximumMessageSize": "4096" })).await;
    let pair = server.pair().await;
    assert_eq!(
        (pair.form.max_message_size(), pair.invalid.max_message_size()),
        (Some(2048), Some(4096))
    );
    assert_eq!(server.sqs.attributes("forms").await["VisibilityTimeout"], "7");
    pair.form.answers().await.unwrap();
}

async fn a_missing_queue_that_may_not_be_created_is_an_error(server: Server) {
    for error in
        [server.finder(false).form_queue().await.err(), server.finder(false).pair().await.err()]
    {
        assert_eq!(error.unwrap().cause(), Cause::MissingQueue);
    }
    assert_eq!(server.sqs.url("forms").await, None);
}

async fn many_services_may_start_at_once(server: Server) {
    let starts = (0..8).map(|_| server.finder(true));
    let starts: Vec<_> = starts.collect();
    for pair in futures_util::future::join_all(starts.iter().map(queue::QueueFinder::pair)).await {
        pair.unwrap();
    }
}

async fn the_api_creates_both_queues_and_needs_only_the_form_queue(server: Server) {
    server.finder(true).form_queue().await.unwrap();
    assert!(server.sqs.attributes("forms").await.contains_key("RedrivePolicy"));
    server.sqs.delete_queue("forms-invalid").await;
    server.finder(true).form_queue().await.unwrap();
    assert_eq!(server.sqs.url("forms-invalid").await, None);
}
