use serde_json::json;

use crate::harness::{Server, redrive_to};

#[tokio::test]
async fn the_health_check_answers_ok() {
    let server = Server::start();
    let response = server
        .client
        .http
        .get(format!("{}/healthcheck/", server.client.base))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), r#"{"status":"OK"}"#);
}

#[tokio::test]
async fn a_queue_url_has_the_host_of_the_request_but_any_host_is_accepted() {
    let server = Server::with_queue(json!({})).await;
    let answer = server.client.ok("GetQueueUrl", json!({"QueueName": "q"})).await;
    assert_eq!(answer["QueueUrl"], format!("{}/000000000000/q", server.client.base));
    server.client.send("https://sqs.eu-west-1.amazonaws.com/123456789012/q", "hello").await;
    assert_eq!(server.client.bodies("q").await, ["hello"]);
}

#[tokio::test]
async fn creating_a_queue_again_keeps_its_messages() {
    let server = Server::with_queue(json!({"VisibilityTimeout": "5"})).await;
    server.client.send("q", "hello").await;
    server.client.create("q", json!({"VisibilityTimeout": "5"})).await;
    server.client.create("q", json!({})).await;
    assert_eq!(server.client.bodies("q").await, ["hello"]);
}

#[tokio::test]
async fn creating_a_queue_many_times_in_parallel_creates_one() {
    let server = Server::start();
    let calls = (0..20).map(|_| {
        let client = server.client.clone();
        tokio::spawn(async move { client.create("same", json!({})).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    let listed = server.client.ok("ListQueues", json!({})).await;
    assert_eq!(listed["QueueUrls"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn queues_are_listed_by_prefix_and_in_pages() {
    let server = Server::start();
    for name in ["b-1", "b-2", "a", "b-3", "c"] {
        server.client.create(name, json!({})).await;
    }
    let (mut names, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut request = json!({"QueueNamePrefix": "b-", "MaxResults": 2});
        if let Some(token) = &token {
            request["NextToken"] = json!(token);
        }
        let page = server.client.ok("ListQueues", request).await;
        names.extend(
            page["QueueUrls"]
                .as_array()
                .unwrap()
                .iter()
                .map(|url| url.as_str().unwrap().to_owned()),
        );
        token = page["NextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let expected =
        ["b-1", "b-2", "b-3"].map(|name| format!("{}/000000000000/{name}", server.client.base));
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_queue_shows_its_attributes_and_the_defaults_of_sqs() {
    let server = Server::with_queue(json!({})).await;
    server.client.create("other", json!({})).await;
    let policy = redrive_to("other", 3);
    let attributes = json!({"RedrivePolicy": policy, "DelaySeconds": "2"});
    server
        .client
        .ok("SetQueueAttributes", json!({"QueueUrl": "q", "Attributes": attributes}))
        .await;
    for (name, expected) in [
        ("VisibilityTimeout", "30"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("DelaySeconds", "2"),
        ("RedrivePolicy", &policy),
        ("SqsManagedSseEnabled", "true"),
        ("QueueArn", "arn:aws:sqs:eu-west-1:000000000000:q"),
        ("ApproximateNumberOfMessages", "0"),
        ("ApproximateNumberOfMessagesNotVisible", "0"),
        ("ApproximateNumberOfMessagesDelayed", "0"),
    ] {
        assert_eq!(server.client.attribute("q", name).await, expected, "{name}");
    }
    let wanted = json!({"QueueUrl": "q", "AttributeNames": ["QueueArn", "DelaySeconds"]});
    let some = server.client.ok("GetQueueAttributes", wanted).await;
    assert_eq!(some["Attributes"].as_object().unwrap().len(), 2);
    let none = server.client.ok("GetQueueAttributes", json!({"QueueUrl": "q"})).await;
    assert_eq!(none, json!({}));
    // An empty policy removes it.
    server
        .client
        .ok("SetQueueAttributes", json!({"QueueUrl": "q", "Attributes": {"RedrivePolicy": ""}}))
        .await;
    assert_eq!(server.client.attribute("q", "RedrivePolicy").await, "");
}

#[tokio::test]
async fn messages_are_counted_as_visible_in_flight_and_delayed() {
    let server = Server::with_queue(json!({})).await;
    for body in ["a", "b", "c"] {
        server.client.send("q", body).await;
    }
    server
        .client
        .ok("SendMessage", json!({"QueueUrl": "q", "MessageBody": "d", "DelaySeconds": 900}))
        .await;
    server.client.receive("q", json!({"MaxNumberOfMessages": 1})).await;
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessages").await, "2");
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessagesNotVisible").await, "1");
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessagesDelayed").await, "1");
}

#[tokio::test]
async fn purging_deletes_visible_delayed_and_in_flight_messages() {
    let server = Server::with_queue(json!({})).await;
    server.client.send("q", "in flight").await;
    let in_flight = server.client.receive("q", json!({})).await;
    server.client.send("q", "visible").await;
    server
        .client
        .ok("SendMessage", json!({"QueueUrl": "q", "MessageBody": "d", "DelaySeconds": 1}))
        .await;
    server.client.ok("PurgeQueue", json!({"QueueUrl": "q"})).await;
    server.client.delete("q", &in_flight[0]).await;
    server.client.send("q", "after").await;
    assert_eq!(server.client.bodies("q").await, ["after"]);
    // This message is due after the purged one, so a poll that receives only this one proves that
    // the purged one is gone.
    server
        .client
        .ok("SendMessage", json!({"QueueUrl": "q", "MessageBody": "last", "DelaySeconds": 1}))
        .await;
    let received = server.client.receive("q", json!({"WaitTimeSeconds": 20})).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["Body"], "last");
}

#[tokio::test]
async fn a_deleted_queue_is_gone_and_a_new_one_of_the_same_name_is_empty() {
    let server = Server::with_queue(json!({})).await;
    server.client.send("q", "old").await;
    server.client.ok("DeleteQueue", json!({"QueueUrl": "q"})).await;
    assert_eq!(server.client.call("ReceiveMessage", json!({"QueueUrl": "q"})).await.status, 400);
    server.client.create("q", json!({"VisibilityTimeout": "1"})).await;
    assert!(server.client.bodies("q").await.is_empty());
}
