//! Creating a queue on Amazon is worth a warning: a misspelt name makes a pair that nobody reads.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use test_kit::{Service, Stack, forms, stack::aws};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::metrics::{METRICS, sample};

/// As much of SQS as finding and creating queues takes, with the URLs of Amazon.
async fn amazon() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let queues = Arc::<Mutex<BTreeSet<String>>>::default();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(connection, Arc::clone(&queues)));
        }
    });
    endpoint
}

/// Answers one request and closes the connection.
async fn answer(mut connection: TcpStream, queues: Arc<Mutex<BTreeSet<String>>>) {
    let mut request = String::new();
    let (head, input) = loop {
        let mut bytes = [0; 4096];
        let count = connection.read(&mut bytes).await.unwrap();
        request.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        if let Ok(input) = serde_json::from_str::<Value>(body) {
            break (head.to_ascii_lowercase(), input);
        }
    };
    let name =
        input["QueueName"].as_str().or_else(|| input["QueueUrl"].as_str()?.rsplit('/').next());
    let name = name.unwrap().to_owned();
    let url =
        json!({ "QueueUrl": format!("https://sqs.eu-west-1.amazonaws.com/123456789012/{name}") });
    let (status, body) = if head.contains("createqueue") {
        queues.lock().unwrap().insert(name);
        ("200 OK", url)
    } else if !queues.lock().unwrap().contains(&name) {
        ("400 Bad Request", json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist" }))
    } else if head.contains("getqueueattributes") {
        let arn = format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
        ("200 OK", json!({ "Attributes": { "QueueArn": arn, "MaximumMessageSize": "1048576" } }))
    } else {
        ("200 OK", url)
    };
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(answer.as_bytes()).await.unwrap();
}

async fn created(api: &Service) -> (Value, Option<f64>) {
    let counted = sample(api, "form_data_queues_created_total").await;
    (api.get("/_status").await.json()["created_queues"].clone(), counted)
}

#[tokio::test]
async fn creating_queues_on_amazon_is_a_warning_and_shows_on_the_status_page() {
    let endpoint = amazon().await;
    let own = [("UI_SECRET", forms::SECRET), METRICS];
    let api = Service::start("api", &[&aws(&endpoint)[..], &own].concat());
    api.logged("Found the form queue.").await;
    let names = ["directory-form-data", "directory-form-data-invalid"];
    for name in names {
        let fields = format!(" queue={name} region=eu-west-1 account=123456789012");
        let is_warning = |line: &&str| line.contains(" WARN ") && line.ends_with(&fields);
        assert_eq!(api.log().lines().filter(is_warning).count(), 1, "{}", api.log());
    }
    assert_eq!(created(&api).await, (json!(names.join(", ")), Some(2.0)));
}

#[tokio::test]
async fn creating_queues_elsewhere_is_counted_without_a_warning() {
    let stack = Stack::start();
    let api = stack.ready_api(&[METRICS]).await;
    let is_warning = |line: &str| line.contains(" WARN ") && line.contains("queue=");
    assert!(!api.log().lines().any(is_warning), "{}", api.log());
    let names = "directory-form-data, directory-form-data-invalid";
    assert_eq!(created(&api).await, (json!(names), Some(2.0)));
    let second = stack.ready_api(&[METRICS]).await;
    assert_eq!(created(&second).await, (json!("none"), Some(0.0)));
}
