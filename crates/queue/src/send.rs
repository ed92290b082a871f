//! `SendMessageBatch`: a result for each message.

use std::time::Duration;

use aws_sdk_sqs::{
    config::Builder,
    primitives::Blob,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use domain::{AttributeValue, Message};

use crate::{
    Queue, batch,
    error::{Cause, SqsError},
    policy,
};

const OPERATION: &str = "SendMessageBatch";

impl Queue {
    /// Sends up to 10 messages, somebody waiting for them; the results are in the order of the messages.
    pub(crate) async fn send(&self, messages: &[Message], within: Duration) -> Vec<Result<(), SqsError>> {
        batch::with_retries(messages, |messages| self.send_with(messages, policy::send(within))).await
    }

    /// Sends one message to be set aside; it is on the queue when this is `Ok`.
    ///
    /// # Errors
    /// SQS did not confirm it.
    pub async fn send_aside(&self, message: &Message) -> Result<(), SqsError> {
        let results = self.send_with(vec![message], policy::settle()).await;
        results.into_iter().next().unwrap_or(Err(SqsError::no_result(OPERATION)))
    }

    async fn send_with(&self, messages: Vec<&Message>, policy: Builder) -> Vec<Result<(), SqsError>> {
        let entries: Result<Vec<_>, _> = messages.iter().enumerate().map(|(id, message)| entry(id, message)).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return batch::all_failed(&error, messages.len()),
        };
        let request = self.connection.client().send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        match request.customize().config_override(policy).send().await {
            Ok(answer) => {
                let successful = answer.successful().iter().map(|entry| entry.id());
                batch::results(OPERATION, messages.len(), successful, answer.failed())
            }
            Err(error) => batch::all_failed(&SqsError::of_call(OPERATION, &error), messages.len()),
        }
    }
}

fn entry(id: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, SqsError> {
    let mut entry = SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(&message.body);
    for (name, value) in &message.attributes {
        entry = entry.message_attributes(name, attribute(value)?);
    }
    entry.build().map_err(|error| SqsError::new(OPERATION, Cause::Refused, error))
}

fn attribute(value: &AttributeValue) -> Result<MessageAttributeValue, SqsError> {
    let attribute = match value {
        AttributeValue::Text { data_type, value } => {
            MessageAttributeValue::builder().data_type(data_type).string_value(value)
        }
        AttributeValue::Binary { data_type, value } => {
            MessageAttributeValue::builder().data_type(data_type).binary_value(Blob::new(value.clone()))
        }
    };
    attribute.build().map_err(|error| SqsError::new(OPERATION, Cause::Refused, error))
}
