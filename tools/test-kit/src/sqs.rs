//! Queues seen from outside, over the JSON protocol of SQS, without the SDK that the services use.

use std::collections::BTreeMap;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use thiserror::Error;

use crate::fault::Fault;

/// The part of a signed request that an SQS server looks at; local servers do not check it.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
    Credential=local/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";

/// An SQS server and a client of it.
#[derive(Clone)]
pub struct Sqs {
    endpoint: String,
    client: Client,
}

/// A message as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub message_id: String,
    pub body: String,
    /// String attributes by name.
    pub attributes: BTreeMap<String, String>,
    pub receipt_handle: String,
}

/// How many messages a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Ready to be received.
    pub visible: u64,
    /// Received and not deleted.
    pub in_flight: u64,
}

impl Counts {
    pub const NONE: Self = Self::visible(0);

    /// This many visible messages and none in flight.
    pub const fn visible(visible: u64) -> Self {
        Self { visible, in_flight: 0 }
    }
}

/// Why a call to SQS failed.
#[derive(Debug, Error)]
pub enum SqsError {
    #[error("no answer: {0}")]
    NoAnswer(#[from] reqwest::Error),
    #[error("{0} {1}")]
    Refused(StatusCode, String),
}

impl Sqs {
    /// The server at this endpoint.
    pub fn at(endpoint: &str) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').to_owned(), client: Client::new() }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A call that must succeed.
    ///
    /// # Panics
    /// It fails.
    pub async fn call(&self, action: &str, input: Value) -> Value {
        self.try_call(action, input).await.unwrap_or_else(|error| panic!("{action}: {error}"))
    }

    /// A call that may fail.
    ///
    /// # Errors
    /// The server does not answer, or answers with an error.
    pub async fn try_call(&self, action: &str, input: Value) -> Result<Value, SqsError> {
        let request = self
            .client
            .post(format!("{}/", self.endpoint))
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Target", format!("AmazonSQS.{action}"))
            .header("Authorization", AUTHORIZATION);
        let answer = request.body(input.to_string()).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(SqsError::Refused(status, text));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Creates a queue with these attributes and gives its URL.
    pub async fn create(&self, name: &str, attributes: Value) -> String {
        let answer =
            self.call("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
        answer.get("QueueUrl").and_then(Value::as_str).expect("a queue URL").to_owned()
    }

    /// Deletes a queue, with all its messages.
    pub async fn delete_queue(&self, name: &str) {
        self.call("DeleteQueue", json!({ "QueueUrl": self.url_of(name).await })).await;
    }

    /// The names of all queues.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn try_queues(&self) -> Result<Vec<String>, SqsError> {
        let answer = self.try_call("ListQueues", json!({ "MaxResults": 1000 })).await?;
        let urls = answer.get("QueueUrls").and_then(Value::as_array).cloned().unwrap_or_default();
        let names = urls.iter().filter_map(|url| url.as_str()?.rsplit('/').next());
        Ok(names.map(str::to_owned).collect())
    }

    /// The URL of a queue, if it exists.
    pub async fn url(&self, name: &str) -> Option<String> {
        let answer = self.try_call("GetQueueUrl", json!({ "QueueName": name })).await.ok()?;
        Some(answer.get("QueueUrl")?.as_str()?.to_owned())
    }

    async fn url_of(&self, name: &str) -> String {
        self.url(name).await.unwrap_or_else(|| panic!("no queue {name}"))
    }

    /// All attributes of a queue.
    pub async fn attributes(&self, name: &str) -> BTreeMap<String, String> {
        self.try_attributes(&self.url_of(name).await)
            .await
            .unwrap_or_else(|error| panic!("the attributes of {name}: {error}"))
    }

    async fn try_attributes(&self, url: &str) -> Result<BTreeMap<String, String>, SqsError> {
        let input = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
        let answer = self.try_call("GetQueueAttributes", input).await?;
        let attributes =
            answer.get("Attributes").and_then(Value::as_object).cloned().unwrap_or_default();
        let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
        Ok(attributes.into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    /// How many messages a queue holds.
    pub async fn counts(&self, name: &str) -> Counts {
        counts_in(&self.attributes(name).await)
    }

    /// [`Sqs::counts`] of a server that may be gone. A queue that does not exist holds nothing.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn try_counts(&self, name: &str) -> Result<Counts, SqsError> {
        match self.url(name).await {
            Some(url) => Ok(counts_in(&self.try_attributes(&url).await?)),
            None => Ok(Counts::NONE),
        }
    }

    /// Puts a body on a queue, with string attributes, and gives its message id.
    pub async fn send(&self, name: &str, body: &str, attributes: &[(&str, &str)]) -> String {
        let attributes: BTreeMap<_, _> = attributes
            .iter()
            .map(|(name, value)| (*name, json!({ "DataType": "String", "StringValue": value })))
            .collect();
        let input = json!({
            "QueueUrl": self.url_of(name).await,
            "MessageBody": body,
            "MessageAttributes": attributes,
        });
        let answer = self.call("SendMessage", input).await;
        answer.get("MessageId").and_then(Value::as_str).expect("a message id").to_owned()
    }

    /// Receives up to 10 messages and hides them for `visibility` seconds.
    pub async fn receive(&self, name: &str, visibility: u32) -> Vec<Seen> {
        let input = json!({
            "QueueUrl": self.url_of(name).await, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0,
            "VisibilityTimeout": visibility, "MessageAttributeNames": ["All"],
        });
        let answer = self.call("ReceiveMessage", input).await;
        let messages =
            answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
        messages.iter().map(seen).collect()
    }

    /// Receives and deletes all visible messages of a queue.
    pub async fn drain(&self, name: &str) -> Vec<Seen> {
        let url = self.url_of(name).await;
        let mut all = Vec::new();
        loop {
            let messages = self.receive(name, 60).await;
            if messages.is_empty() {
                return all;
            }
            for message in &messages {
                let input = json!({ "QueueUrl": url, "ReceiptHandle": message.receipt_handle });
                self.call("DeleteMessage", input).await;
            }
            all.extend(messages);
        }
    }

    /// Adds a fault to local-sqs.
    pub async fn fault(&self, fault: Fault) {
        self.try_fault(fault).await.unwrap_or_else(|error| panic!("a fault: {error}"));
    }

    /// [`Sqs::fault`] on a server that may be gone.
    ///
    /// # Errors
    /// The server is gone, does not understand the fault, or is built without faults.
    pub async fn try_fault(&self, fault: Fault) -> reqwest::Result<()> {
        let rules = json!([fault.rule()]);
        let request = self.client.post(format!("{}/_faults", self.endpoint)).json(&rules);
        request.send().await?.error_for_status().map(drop)
    }

    /// Removes all faults.
    pub async fn no_faults(&self) {
        self.try_no_faults().await.expect("local-sqs answers");
    }

    /// [`Sqs::no_faults`] on a server that may be gone.
    ///
    /// # Errors
    /// The server is gone, or is built without faults.
    pub async fn try_no_faults(&self) -> reqwest::Result<()> {
        let request = self.client.delete(format!("{}/_faults", self.endpoint));
        request.send().await?.error_for_status().map(drop)
    }

    /// How many times an action was called on local-sqs.
    pub async fn requests(&self, action: &str) -> u64 {
        let calls = self.client.get(format!("{}/_calls", self.endpoint)).send().await;
        let calls: Value = calls.expect("local-sqs answers").json().await.expect("JSON");
        calls.pointer(&format!("/{action}/requests")).and_then(Value::as_u64).unwrap_or_default()
    }
}

fn counts_in(attributes: &BTreeMap<String, String>) -> Counts {
    let count =
        |name: &str| attributes.get(name).and_then(|count| count.parse().ok()).expect("a count");
    Counts {
        visible: count("ApproximateNumberOfMessages"),
        in_flight: count("ApproximateNumberOfMessagesNotVisible"),
    }
}

fn seen(message: &Value) -> Seen {
    let text =
        |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let attributes =
        message.get("MessageAttributes").and_then(Value::as_object).cloned().unwrap_or_default();
    let value = |attribute: &Value| {
        attribute.get("StringValue").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    Seen {
        message_id: text("MessageId"),
        body: text("Body"),
        attributes: attributes
            .iter()
            .map(|(name, attribute)| (name.clone(), value(attribute)))
            .collect(),
        receipt_handle: text("ReceiptHandle"),
    }
}
