//! `ReceiveMessage`: one long poll.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::types::{
    Message as SqsMessage, MessageAttributeValue, MessageSystemAttributeName,
};
use domain::{AttributeValue, Attributes, Received};
use futures_util::TryFutureExt;

use crate::{error::SqsError, metrics, policy, queue_address::QueueAddress};

const OPERATION: &str = "ReceiveMessage";

/// How to poll.
#[derive(Clone, Debug)]
pub struct Poll {
    /// How long SQS may wait for a message, 0–20 s.
    pub wait_time: Duration,
    /// The largest number of messages to receive, 1–10.
    pub max_messages: u8,
    /// How long the received messages are hidden from other receivers.
    pub visibility_timeout: Duration,
}

/// A message in flight, to be deleted or released.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub received: Received,
    /// When SQS accepted the message, by its own clock. A message that SQS moved to the invalid queue keeps this time.
    pub sent_at: Option<SystemTime>,
    /// How often SQS has delivered the message, this time included, as far as it knows.
    pub receive_count: Option<u32>,
    /// Settles this delivery.
    pub receipt_handle: ReceiptHandle,
}

/// Stands for one delivery of one message.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptHandle(pub(crate) String);

/// Not shown: it is long, and enough to delete the message.
impl fmt::Debug for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptHandle(…)")
    }
}

/// See [`crate::Queue::receive`].
pub(crate) async fn receive(queue: &QueueAddress, poll: &Poll) -> Result<Vec<Delivery>, SqsError> {
    let seconds = |duration: Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
    let request = queue.connection.client().receive_message().queue_url(&queue.url);
    let request = request
        .wait_time_seconds(seconds(poll.wait_time))
        .max_number_of_messages(poll.max_messages.into())
        .visibility_timeout(seconds(poll.visibility_timeout))
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
    let call = request.customize().config_override(policy::receive(poll.wait_time)).send();
    let call = call.map_err(|error| SqsError::from_call(OPERATION, &error));
    let answer = metrics::count_call(OPERATION, 0, call).await?;
    let messages = answer.messages.unwrap_or_default();
    metrics::count_messages(OPERATION, messages.len());
    Ok(messages.into_iter().filter_map(delivery).collect())
}

fn delivery(message: SqsMessage) -> Option<Delivery> {
    let (Some(message_id), Some(handle)) = (message.message_id, message.receipt_handle) else {
        log::error!(
            "SQS delivered a message without an id or a receipt handle, which cannot be settled."
        );
        return None;
    };
    let attribute = |name| message.attributes.as_ref()?.get(&name);
    let sent_at = attribute(MessageSystemAttributeName::SentTimestamp).and_then(|millis| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))
    });
    let receive_count = attribute(MessageSystemAttributeName::ApproximateReceiveCount)
        .and_then(|count| count.parse().ok());
    Some(Delivery {
        sent_at,
        receive_count,
        received: Received {
            message_id,
            body: message.body.unwrap_or_default(),
            attributes: attributes(message.message_attributes.unwrap_or_default()),
        },
        receipt_handle: ReceiptHandle(handle),
    })
}

fn attributes(attributes: HashMap<String, MessageAttributeValue>) -> Attributes {
    let kept = attributes.into_iter().filter_map(|(name, attribute)| {
        let data_type = attribute.data_type;
        let value = match (attribute.string_value, attribute.binary_value) {
            (Some(value), _) => AttributeValue::Text { data_type, value },
            (None, Some(value)) => AttributeValue::Binary { data_type, value: value.into_inner() },
            (None, None) => return None,
        };
        Some((name, value))
    });
    kept.collect()
}
