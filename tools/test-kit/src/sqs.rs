//! Queues seen from outside, over SQS's JSON protocol, without the SDK that the services use.

use std::collections::BTreeMap;

use reqwest::Client;
use serde_json::{Value, json};

/// An SQS server and a client of it.
#[derive(Clone)]
pub struct Sqs {
    endpoint: String,
    client: Client,
}

/// A message as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// SQS's id.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// String attributes by name.
    pub attributes: BTreeMap<String, String>,
    /// To delete it with.
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
    /// Nothing at all.
    pub const NONE: Self = Self { visible: 0, in_flight: 0 };
}

impl Sqs {
    /// The server at this endpoint.
    pub fn at(endpoint: &str) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').to_owned(), client: Client::new() }
    }

    /// Where it is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A call that must succeed.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn call(&self, action: &str, input: Value) -> Value {
        self.try_call(action, input).await.unwrap_or_else(|error| panic!("{action}: {error}"))
    }

    /// A call that may fail.
    ///
    /// # Errors
    /// What the server said.
    pub async fn try_call(&self, action: &str, input: Value) -> Result<Value, String> {
        let request = self.client.post(format!("{}/", self.endpoint));
        let request = request
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Target", format!("AmazonSQS.{action}"))
            .header("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0");
        let answer =
            request.body(input.to_string()).send().await.map_err(|error| error.to_string())?;
        let (status, text) =
            (answer.status(), answer.text().await.map_err(|error| error.to_string())?);
        if !status.is_success() {
            return Err(format!("{status} {text}"));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Creates a queue with these attributes; its URL.
    pub async fn create(&self, name: &str, attributes: Value) -> String {
        let answer =
            self.call("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
        answer.get("QueueUrl").and_then(Value::as_str).expect("a queue URL").to_owned()
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
        let input = json!({ "QueueUrl": self.url_of(name).await, "AttributeNames": ["All"] });
        let answer = self.call("GetQueueAttributes", input).await;
        let attributes =
            answer.get("Attributes").and_then(Value::as_object).cloned().unwrap_or_default();
        attributes
            .into_iter()
            .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    /// How many messages it holds.
    pub async fn counts(&self, name: &str) -> Counts {
        let attributes = self.attributes(name).await;
        let count = |name: &str| {
            attributes.get(name).and_then(|count| count.parse().ok()).unwrap_or(u64::MAX)
        };
        Counts {
            visible: count("ApproximateNumberOfMessages"),
            in_flight: count("ApproximateNumberOfMessagesNotVisible"),
        }
    }

    /// Puts a body on a queue, with string attributes; its message id.
    pub async fn send(&self, name: &str, body: &str, attributes: &[(&str, &str)]) -> String {
        let attributes: BTreeMap<_, _> = attributes
            .iter()
            .map(|(name, value)| (*name, json!({ "DataType": "String", "StringValue": value })))
            .collect();
        let input = json!({ "QueueUrl": self.url_of(name).await, "MessageBody": body, "MessageAttributes": attributes });
        let answer = self.call("SendMessage", input).await;
        answer.get("MessageId").and_then(Value::as_str).expect("a message id").to_owned()
    }

    /// Up to 10 messages, hidden for `visibility` seconds.
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

    /// Takes every visible message off a queue.
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

    /// Adds a fault rule to local-sqs.
    pub async fn fault(&self, rule: Value) {
        self.try_fault(rule).await.unwrap_or_else(|error| panic!("a fault rule: {error}"));
    }

    /// The same, of a server that may be away.
    ///
    /// # Errors
    /// It is away; or, with a status, the rule makes no sense to it or it is built without fault hooks.
    pub async fn try_fault(&self, rule: Value) -> reqwest::Result<()> {
        let request = self.client.post(format!("{}/_faults", self.endpoint)).json(&json!([rule]));
        request.send().await?.error_for_status().map(drop)
    }

    /// Removes all fault rules.
    pub async fn no_faults(&self) {
        self.try_no_faults().await.expect("local-sqs answers");
    }

    /// The same, of a server that may be away.
    ///
    /// # Errors
    /// It is away, or built without fault hooks.
    pub async fn try_no_faults(&self) -> reqwest::Result<()> {
        self.client
            .delete(format!("{}/_faults", self.endpoint))
            .send()
            .await?
            .error_for_status()
            .map(drop)
    }

    /// How often an action was called on local-sqs.
    pub async fn requests(&self, action: &str) -> u64 {
        let answer = self
            .client
            .get(format!("{}/_calls", self.endpoint))
            .send()
            .await
            .expect("local-sqs answers");
        let calls: Value = answer.json().await.expect("JSON");
        calls.pointer(&format!("/{action}/requests")).and_then(Value::as_u64).unwrap_or_default()
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
