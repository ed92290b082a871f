//! The attributes of a queue, as SQS gives them.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::{
    error::{Cause, SqsError},
    policy,
    queue_address::QueueAddress,
};

/// The attributes of a queue, as far as they matter to us.
pub(crate) struct Attributes {
    pub arn: Option<String>,
    /// Bytes of body and attributes.
    pub max_message_size: Option<usize>,
    /// Seconds.
    pub retention: Option<u64>,
    pub redrive_policy: Option<RedrivePolicy>,
}

/// When SQS itself moves a message to another queue.
pub(crate) struct RedrivePolicy {
    pub target_arn: String,
    pub max_receive_count: u32,
}

/// `None` if we may not read them.
///
/// # Errors
/// SQS is unavailable, or the queue does not exist.
pub(crate) async fn read(queue: &QueueAddress) -> Result<Option<Attributes>, SqsError> {
    let request = queue.connection.client().get_queue_attributes().queue_url(&queue.url);
    let request = request
        .attribute_names(QueueAttributeName::MaximumMessageSize)
        .attribute_names(QueueAttributeName::MessageRetentionPeriod)
        .attribute_names(QueueAttributeName::QueueArn)
        .attribute_names(QueueAttributeName::RedrivePolicy);
    let answer = request.customize().config_override(policy::find()).send().await;
    match answer.map_err(|error| SqsError::from_call("GetQueueAttributes", &error)) {
        Ok(answer) => Ok(Some(Attributes::from_map(&answer.attributes.unwrap_or_default()))),
        Err(error) if error.cause() == Cause::Denied => {
            log::debug!(queue = queue.name, error:%; "Access to a queue's attributes is denied.");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Attributes {
    fn from_map(attributes: &HashMap<QueueAttributeName, String>) -> Self {
        let number = |name| attributes.get(&name).and_then(|value| value.parse().ok());
        let max_message_size = number(QueueAttributeName::MaximumMessageSize);
        Self {
            arn: attributes.get(&QueueAttributeName::QueueArn).cloned(),
            max_message_size: max_message_size.and_then(|size| usize::try_from(size).ok()),
            retention: number(QueueAttributeName::MessageRetentionPeriod),
            redrive_policy: attributes
                .get(&QueueAttributeName::RedrivePolicy)
                .and_then(|policy| RedrivePolicy::parse(policy)),
        }
    }
}

impl RedrivePolicy {
    fn parse(text: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(text).ok()?;
        // Some write the number as text.
        let count = policy.get("maxReceiveCount")?.to_string();
        Some(Self {
            target_arn: policy.get("deadLetterTargetArn")?.as_str()?.to_owned(),
            max_receive_count: count.trim_matches('"').parse().ok()?,
        })
    }

    /// As SQS takes it.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!({
            "deadLetterTargetArn": self.target_arn,
            "maxReceiveCount": self.max_receive_count,
        })
        .to_string()
    }
}
