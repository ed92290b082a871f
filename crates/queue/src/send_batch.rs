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
    batch,
    error::{Cause, SqsError},
    metrics, policy,
    queue_address::QueueAddress,
};

const OPERATION: &str = "SendMessageBatch";

/// See [`crate::Queue::send`].
pub(crate) async fn send_all(
    queue: &QueueAddress,
    messages: &[Message],
    within: Duration,
    deadline: Instant,
) -> Vec<Result<(), SqsError>> {
    batch::call_with_retries(messages, deadline, |messages| {
        send_batch(queue, messages, policy::send(within, deadline))
    })
    .await
}

/// See [`crate::Queue::send_aside`].
pub(crate) async fn send_aside(
    queue: &QueueAddress,
    message: &Message,
    deadline: Instant,
) -> Result<(), SqsError> {
    let messages = std::slice::from_ref(message);
    let results = batch::call_with_retries(messages, deadline, |messages| {
        send_batch(queue, messages, policy::settle(deadline))
    });
    results.await.into_iter().next().unwrap_or(Err(SqsError::no_result(OPERATION)))
}

async fn send_batch(
    queue: &QueueAddress,
    messages: Vec<&Message>,
    policy: Builder,
) -> batch::Answer {
    let entries: Result<Vec<_>, _> =
        messages.iter().enumerate().map(|(id, message)| entry(id, message)).collect();
    let request = queue.connection.client().send_message_batch();
    let request = request.queue_url(&queue.url).set_entries(Some(entries?));
    let call = request.customize().config_override(policy).send();
    let call = call.map_err(|error| SqsError::from_call(OPERATION, &error));
    let answer = metrics::count_call(OPERATION, messages.len(), call).await?;
    let successful = answer.successful().iter().map(|entry| entry.id());
    Ok(batch::results_in_order(OPERATION, messages.len(), successful, answer.failed()))
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
