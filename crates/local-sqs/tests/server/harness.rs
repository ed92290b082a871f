//! Servers to test against, in this process or as processes of their own, and a client that adds nothing.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use local_sqs::faults::Faults;
use local_sqs::{Settings, build};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server in this process, stopped when dropped.
pub struct Server {
    pub client: Client,
    pub faults: Faults,
    pub stop: CancellationToken,
    pub serving: JoinHandle<std::io::Result<()>>,
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

    /// With a queue named `q`.
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

/// The real binary on a data directory, killed when dropped.
pub struct Process {
    pub child: Child,
    pub client: Client,
}

impl Process {
    pub async fn start(data_dir: &Path) -> Self {
        let log_path = data_dir.with_extension("log");
        let log = File::create(&log_path).unwrap();
        let mut child = Process::command(data_dir)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Instant::now();
        loop {
            let log = std::fs::read_to_string(&log_path).unwrap();
            let port = log.split("Listening. port=").nth(1).and_then(|rest| rest.split_once('\n'));
            if let Some((port, _)) = port {
                return Process { child, client: Client::new(port.trim().parse().unwrap()) };
            }
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < Duration::from_secs(20),
                "{ended:?} {log}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn command(data_dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local-sqs"));
        command
            .env("BIND_ADDRESS", "127.0.0.1")
            .env("PORT", "0")
            .env("DATA_DIR", data_dir)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null());
        command
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < within, "the process has not ended within {within:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts JSON and gives back what came.
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

    /// A call that must succeed.
    pub async fn ok(&self, action: &str, body: Value) -> Value {
        let answer = self.call(action, body).await;
        assert_eq!(answer.status, 200, "{action}: {answer:?}");
        answer.body
    }

    pub async fn create(&self, name: &str, attributes: Value) {
        self.ok("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
    }

    pub async fn send(&self, queue: &str, body: &str) -> String {
        let sent = self.ok("SendMessage", json!({"QueueUrl": queue, "MessageBody": body})).await;
        sent["MessageId"].as_str().unwrap().to_owned()
    }

    /// Receives with everything that can be asked for; `more` adds to the request.
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

/// A redrive policy as an attribute.
pub fn redrive_to(queue: &str, max_receives: u32) -> String {
    let arn = format!("arn:aws:sqs:eu-west-1:000000000000:{queue}");
    json!({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives}).to_string()
}
