//! `SendMessageBatch`: a result for each message.

use std::time::Duration;

use aws_sdk_sqs::{
    config::Builder,
    primitives::Blob,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use domain::{AttributeValue, Message};
use futures_util::TryFutureExt;
use tokio::time::Instant;

use crate::{
    Queue, batch,
    error::{Cause, SqsError},
    metrics, policy,
};

const OPERATION: &str = "SendMessageBatch";

impl Queue {
    /// Sends up to 10 messages, each of which somebody waits for, `within` from the first one's arrival to the deadline;
    /// the results are in the order of the messages. One whose result is an error may be on the queue all the same.
    pub async fn send(
        &self,
        messages: &[Message],
        within: Duration,
        deadline: Instant,
    ) -> Vec<Result<(), SqsError>> {
        batch::call(messages, deadline, |messages| {
            self.send_batch(messages, policy::send(within, deadline))
        })
        .await
    }

    /// Sends one message to be set aside; it is on the queue when this is `Ok`.
    ///
    /// # Errors
    /// SQS did not confirm it before the deadline.
    pub async fn send_aside(&self, message: &Message, deadline: Instant) -> Result<(), SqsError> {
        let messages = std::slice::from_ref(message);
        let policy = || policy::settle(deadline);
        let results =
            batch::call(messages, deadline, |messages| self.send_batch(messages, policy())).await;
        results.into_iter().next().unwrap_or(Err(SqsError::no_result(OPERATION)))
    }

    async fn send_batch(&self, messages: Vec<&Message>, policy: Builder) -> batch::Answer {
        let entries: Result<Vec<_>, _> =
            messages.iter().enumerate().map(|(id, message)| entry(id, message)).collect();
        let request = self
            .connection
            .client()
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries?));
        let call = request.customize().config_override(policy).send();
        let call = call.map_err(|error| SqsError::of_call(OPERATION, &error));
        let answer = metrics::counted(OPERATION, messages.len(), call).await?;
        let successful = answer.successful().iter().map(|entry| entry.id());
        Ok(batch::results(OPERATION, messages.len(), successful, answer.failed()))
    }
}

fn entry(id: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, SqsError> {
    let mut entry =
        SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(&message.body);
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
        AttributeValue::Binary { data_type, value } => MessageAttributeValue::builder()
            .data_type(data_type)
            .binary_value(Blob::new(value.clone())),
    };
    attribute.build().map_err(|error| SqsError::new(OPERATION, Cause::Refused, error))
}
