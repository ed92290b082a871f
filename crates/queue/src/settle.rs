//! `DeleteMessageBatch` and `ChangeMessageVisibilityBatch`: a result for each delivery.

use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use futures_util::{TryFutureExt, future::join_all};
use tokio::time::Instant;

use crate::{
    MAX_ENTRIES, batch,
    error::{Cause, SqsError},
    metrics, policy,
    queue_address::QueueAddress,
    receive::ReceiptHandle,
};

/// The result of deleting or releasing one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// SQS has done it.
    Done,
    /// Harmless: the delivery is no longer ours, because its visibility timeout has passed or the message is deleted.
    Stale,
    /// SQS has not done it, and the message will be delivered again.
    Failed(SqsError),
}

impl From<Result<(), SqsError>> for Settled {
    fn from(result: Result<(), SqsError>) -> Self {
        match result {
            Ok(()) => Self::Done,
            // The one part of an entry that SQS can refuse is its receipt handle.
            Err(error) if error.cause() == Cause::Refused && error.is_of_entry() => Self::Stale,
            Err(error) => Self::Failed(error),
        }
    }
}

/// See [`crate::Queue::delete`].
pub(crate) async fn delete_all(
    queue: &QueueAddress,
    handles: &[ReceiptHandle],
    deadline: Instant,
) -> Vec<Settled> {
    let calls: Vec<_> = handles
        .chunks(MAX_ENTRIES)
        .map(|chunk| {
            batch::call_with_retries(chunk, deadline, |handles| {
                delete_batch(queue, handles, deadline)
            })
        })
        .collect();
    join_all(calls).await.into_iter().flatten().map(Settled::from).collect()
}

/// See [`crate::Queue::release`].
pub(crate) async fn release_all(
    queue: &QueueAddress,
    deliveries: &[(ReceiptHandle, Duration)],
    deadline: Instant,
) -> Vec<Settled> {
    let calls: Vec<_> = deliveries
        .chunks(MAX_ENTRIES)
        .map(|chunk| {
            batch::call_with_retries(chunk, deadline, |deliveries| {
                release_batch(queue, deliveries, deadline)
            })
        })
        .collect();
    join_all(calls).await.into_iter().flatten().map(Settled::from).collect()
}

async fn delete_batch(
    queue: &QueueAddress,
    handles: Vec<&ReceiptHandle>,
    deadline: Instant,
) -> batch::Answer {
    const OPERATION: &str = "DeleteMessageBatch";
    let entries = handles.iter().enumerate().map(|(id, handle)| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id.to_string())
            .receipt_handle(&handle.0)
            .build()
    });
    let entries = entries.collect::<Result<Vec<_>, _>>();
    let entries = entries.map_err(|error| SqsError::new(OPERATION, Cause::Refused, error))?;
    let request = queue.connection.client().delete_message_batch();
    let request = request.queue_url(&queue.url).set_entries(Some(entries));
    let call = request.customize().config_override(policy::settle(deadline)).send();
    let call = call.map_err(|error| SqsError::from_call(OPERATION, &error));
    let answer = metrics::count_call(OPERATION, handles.len(), call).await?;
    let successful = answer.successful().iter().map(|entry| entry.id());
    Ok(batch::results_in_order(OPERATION, handles.len(), successful, answer.failed()))
}

async fn release_batch(
    queue: &QueueAddress,
    deliveries: Vec<&(ReceiptHandle, Duration)>,
    deadline: Instant,
) -> batch::Answer {
    const OPERATION: &str = "ChangeMessageVisibilityBatch";
    let entries = deliveries.iter().enumerate().map(|(id, (handle, delay))| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id.to_string())
            .receipt_handle(&handle.0)
            .visibility_timeout(i32::try_from(delay.as_secs()).unwrap_or(i32::MAX))
            .build()
    });
    let entries = entries.collect::<Result<Vec<_>, _>>();
    let entries = entries.map_err(|error| SqsError::new(OPERATION, Cause::Refused, error))?;
    let request = queue.connection.client().change_message_visibility_batch();
    let request = request.queue_url(&queue.url).set_entries(Some(entries));
    let call = request.customize().config_override(policy::settle(deadline)).send();
    let call = call.map_err(|error| SqsError::from_call(OPERATION, &error));
    let answer = metrics::count_call(OPERATION, deliveries.len(), call).await?;
    let successful = answer.successful().iter().map(|entry| entry.id());
    Ok(batch::results_in_order(OPERATION, deliveries.len(), successful, answer.failed()))
}
