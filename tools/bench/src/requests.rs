//! Prepared requests as bytes: signed forms, and calls to the queue.

use std::sync::Arc;

use domain::{AttributeValue, Fields, FormType, Message, Submission};
use serde_json::{Value, json};
use test_kit::forms;
use uuid::Uuid;

pub const FORM_TYPE: &str = "registration";
pub const QUEUE: &str = "directory-registration";
/// The worked example in deploy/.
pub const SCHEMA: &str = include_str!("../../../deploy/form-types/registration.schema.json");
pub const FORM_BYTES: usize = 1024;
pub const SMALL_FORM_BYTES: usize = 200;

/// Makes the form with a number.
pub type Form = fn(usize) -> String;

/// A ring of requests. Clones share the bytes.
#[derive(Clone)]
pub struct Requests(Arc<Vec<Vec<u8>>>);

impl Requests {
    /// Request number `n`, modulo the number of requests.
    pub fn get(&self, n: u64) -> &[u8] {
        let index = n % self.0.len().max(1) as u64;
        self.0.get(index as usize).map_or(&[], Vec::as_slice)
    }

    pub fn new(requests: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(requests))
    }
}

/// Signed registrations, each with its number in `data.number`.
pub fn signed_forms(count: usize) -> Requests {
    let path = format!("/{FORM_TYPE}/");
    let post = |number| {
        let body = form(number);
        let signature = forms::signature(&path, body.as_bytes(), forms::SECRET);
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             X-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    Requests::new((0..count).map(post).collect())
}

/// A made-up registration of [`FORM_BYTES`].
pub fn form(number: usize) -> String {
    let words = "Met at a trade fair; sells oak furniture, wool and cider abroad. ";
    let with_text = |text: &str| {
        let mut form: Value = serde_json::from_str(&forms::registration(number))
            .expect("a registration is valid JSON");
        if let Some(data) = form.pointer_mut("/data").and_then(Value::as_object_mut) {
            data.insert("marketing_source_other".to_owned(), text.into());
        }
        form.to_string()
    };
    let missing = FORM_BYTES.saturating_sub(with_text("").len());
    with_text(&words.chars().cycle().take(missing).collect::<String>())
}

/// A made-up registration of [`SMALL_FORM_BYTES`] for numbers below a million: hardly more than the fields that must be
/// there.
pub fn small_form(number: usize) -> String {
    let with_name = |name: &str| {
        json!({ "data": {
            "company_name": format!("Example {number}"),
            "contact_name": name,
            "email_address1": "a@b.uk",
            "email_address2": "a@b.uk",
            "website": "b.uk",
            "exporting": "True",
            "marketing_source": "Bank",
            "agree_terms": true,
        }})
        .to_string()
    };
    let missing = SMALL_FORM_BYTES.saturating_sub(with_name("").len());
    with_name(&"A Test Person".chars().cycle().take(missing).collect::<String>())
}

/// The messages that the api makes from these forms, each with a new id.
pub struct Messages {
    form_type: FormType,
    fields: Vec<Fields>,
    next: usize,
}

impl Messages {
    pub fn with(form: Form) -> Self {
        let form_type =
            FormType::from_schema(FORM_TYPE, SCHEMA).expect("the schema in deploy/ is valid");
        let parse =
            |number| Fields::from_json(form(number).as_bytes()).expect("a made-up form is valid");
        Self { form_type, fields: (0..1000).map(parse).collect(), next: 0 }
    }

    /// A `SendMessageBatch` call.
    pub fn send_batch(&mut self, queue_url: &str, entries: usize) -> Vec<u8> {
        let entries: Vec<Value> = (0..entries).map(|id| entry(id, &self.next_message())).collect();
        call("SendMessageBatch", &json!({ "QueueUrl": queue_url, "Entries": entries }))
    }

    fn next_message(&mut self) -> Message {
        let fields = self
            .fields
            .get(self.next % self.fields.len().max(1))
            .expect("the list is not empty and the index is within it")
            .clone();
        self.next += 1;
        Message::from_submission(Submission {
            id: Uuid::now_v7(),
            form_type: self.form_type.clone(),
            received_at: chrono::DateTime::UNIX_EPOCH,
            traceparent: format!("00-{:032x}-00f067aa0ba902b7-00", self.next),
            fields,
        })
    }
}

fn entry(id: usize, message: &Message) -> Value {
    let attributes = message.attributes.iter().map(|(name, value)| {
        let value = match value {
            AttributeValue::Text { data_type, value } => {
                json!({ "DataType": data_type, "StringValue": value })
            }
            AttributeValue::Binary { .. } => Value::Null,
        };
        (name.clone(), value)
    });
    json!({
        "Id": id.to_string(),
        "MessageBody": message.body,
        "MessageAttributes": attributes.collect::<serde_json::Map<_, _>>(),
    })
}

fn call(action: &str, input: &Value) -> Vec<u8> {
    let body = input.to_string();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: AmazonSQS.{action}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
