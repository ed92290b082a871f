//! Servers to test against, in this process or as real programs, and a plain client.

use std::{path::Path, process::Command};

use local_sqs::{RunError, Settings, build, faults::Faults};
use serde_json::{Value, json};
use test_kit::{Service, Signal, wait};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server in this process; it is stopped on drop.
pub struct Server {
    pub client: Client,
    pub faults: Faults,
    pub stop: CancellationToken,
    pub serving: JoinHandle<Result<(), RunError>>,
}

impl Server {
    pub fn start() -> Self {
        let settings = Settings { bind_address: "127.0.0.1".into(), port: 0, data_dir: None };
        let server = build(settings).unwrap();
        let (client, faults, stop) =
            (Client::new(server.port()), server.faults(), CancellationToken::new());
        let serving = tokio::spawn(server.run(stop.clone()));
        Server { client, faults, stop, serving }
    }

    /// Starts a server that has a queue named `q`.
    pub async fn with_queue(attributes: Value) -> Self {
        let server = Server::start();
        server.client.create("q", attributes).await;
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The real program with a data directory; it is killed on drop.
pub struct Process {
    pub service: Service,
    pub client: Client,
}

impl Process {
    pub fn start(data_dir: &Path) -> Self {
        let service = Service::start("local-sqs", &[("DATA_DIR", data_dir.to_str().unwrap())]);
        let client = Client::new(service.port());
        Process { service, client }
    }

    /// The command of the program, for a run that ends by itself.
    pub fn command(data_dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local-sqs"));
        command.env("BIND_ADDRESS", "127.0.0.1").env("PORT", "0").env("DATA_DIR", data_dir);
        command
    }

    pub fn kill(self) {
        self.service.stop(Signal::Kill);
    }
}

/// Posts JSON and returns the answer as it is.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub base: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub query_error: String,
    pub body: Value,
}

impl Client {
    pub fn new(port: u16) -> Self {
        Client { http: reqwest::Client::new(), base: format!("http://127.0.0.1:{port}") }
    }

    pub async fn try_call(&self, action: &str, body: String) -> Result<Answer, reqwest::Error> {
        let response = self
            .http
            .post(format!("{}/", self.base))
            .header("X-Amz-Target", format!("AmazonSQS.{action}"))
            .header("Content-Type", "application/x-amz-json-1.0")
            .body(body)
            .send()
            .await?;
        let status = response.status().as_u16();
        let header = response.headers().get("x-amzn-query-error");
        let query_error =
            header.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Ok(Answer { status, query_error, body })
    }

    pub async fn call(&self, action: &str, body: Value) -> Answer {
        self.try_call(action, body.to_string()).await.unwrap()
    }

    /// Makes a call that must succeed.
    pub async fn ok(&self, action: &str, body: Value) -> Value {
        let answer = self.call(action, body).await;
        assert_eq!(answer.status, 200, "{action}: {answer:?}");
        answer.body
    }

    /// How many receives the server has started to work on.
    pub async fn receives(&self) -> u64 {
        let url = format!("{}/_calls", self.base);
        let calls: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        calls["ReceiveMessage"]["requests"].as_u64().unwrap_or_default()
    }

    /// Waits until the server has started to work on this many receives since its start.
    pub async fn wait_for_receives(&self, count: u64) {
        wait::until_true("the receives have started", async || self.receives().await >= count)
            .await;
    }

    pub async fn create(&self, name: &str, attributes: Value) {
        self.ok("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
    }

    pub async fn send(&self, queue: &str, body: &str) -> String {
        let sent = self.ok("SendMessage", json!({"QueueUrl": queue, "MessageBody": body})).await;
        sent["MessageId"].as_str().unwrap().to_owned()
    }

    /// Receives messages with all their attributes; `more` is added to the request.
    pub async fn receive(&self, queue: &str, more: Value) -> Vec<Value> {
        let mut request = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": 10,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.ok("ReceiveMessage", request).await;
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    pub async fn bodies(&self, queue: &str) -> Vec<String> {
        let messages = self.receive(queue, json!({})).await;
        messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn delete(&self, queue: &str, message: &Value) {
        self.ok(
            "DeleteMessage",
            json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}),
        )
        .await;
    }

    pub async fn change(&self, queue: &str, message: &Value, seconds: u32) -> Answer {
        let handle = &message["ReceiptHandle"];
        self.call(
            "ChangeMessageVisibility",
            json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": seconds}),
        )
        .await
    }

    pub async fn attribute(&self, queue: &str, name: &str) -> String {
        let answer = self
            .ok("GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": ["All"]}))
            .await;
        answer["Attributes"][name].as_str().unwrap_or_default().to_owned()
    }
}

/// The value of the attribute `RedrivePolicy`.
pub fn redrive_to(queue: &str, max_receives: u32) -> String {
    let arn = format!("arn:aws:sqs:eu-west-1:000000000000:{queue}");
    json!({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives}).to_string()
}
