//! Questions about a queue that was found.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::{error::SqsError, policy, queue_address::QueueAddress};

/// See [`crate::Queue::answers`].
pub(crate) async fn ask_for(queue: &QueueAddress) -> Result<(), SqsError> {
    let request = queue.connection.client().get_queue_url().queue_name(&queue.name);
    let answer = request.customize().config_override(policy::find()).send().await;
    answer.map(drop).map_err(|error| SqsError::from_call("GetQueueUrl", &error))
}

/// See [`crate::Queue::approximate_messages`].
pub(crate) async fn approximate_messages(queue: &QueueAddress) -> Option<u64> {
    let request = queue.connection.client().get_queue_attributes().queue_url(&queue.url);
    let request = request.attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
    let answer = request.customize().config_override(policy::find()).send().await.ok()?;
    answer.attributes?.get(&QueueAttributeName::ApproximateNumberOfMessages)?.parse().ok()
}
