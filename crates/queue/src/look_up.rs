//! Questions about a queue that was found.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use tokio::time::timeout;

use crate::{
    error::{Cause, SqsError},
    policy,
    queue_address::QueueAddress,
};

const OPERATION: &str = "GetQueueUrl";
/// Well under the 5 s of a readiness probe of Kubernetes.
const ASK_WITHIN: Duration = Duration::from_millis(1500);

/// See [`crate::Queue::answers`].
pub(crate) async fn ask_for(queue: &QueueAddress) -> Result<(), SqsError> {
    let request = queue.connection.client().get_queue_url().queue_name(&queue.name);
    let answer = request.customize().config_override(policy::find()).send();
    let Ok(answer) = timeout(ASK_WITHIN, answer).await else {
        return Err(SqsError::new(OPERATION, Cause::Unavailable, "no answer in time"));
    };
    match answer.map_err(|error| SqsError::from_call(OPERATION, &error)) {
        // Look-ups are throttled long before sends are.
        Err(error) if !error.is_throttling() => Err(error),
        _ => Ok(()),
    }
}

/// See [`crate::Queue::approximate_messages`].
pub(crate) async fn approximate_messages(queue: &QueueAddress) -> Option<u64> {
    let request = queue.connection.client().get_queue_attributes().queue_url(&queue.url);
    let request = request.attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
    let answer = request.customize().config_override(policy::find()).send().await.ok()?;
    answer.attributes?.get(&QueueAttributeName::ApproximateNumberOfMessages)?.parse().ok()
}
