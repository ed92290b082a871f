//! `DeleteMessageBatch` and `ChangeMessageVisibilityBatch`: a result for each delivery.

use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use futures_util::{TryFutureExt, future::join_all};
use tokio::time::Instant;

use crate::{
    MAX_ENTRIES, Queue, batch,
    error::{Cause, SqsError},
    metrics, policy,
    receive::ReceiptHandle,
};

/// What became of the wish to settle a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// SQS has done it.
    Done,
    /// The delivery is no longer ours: its visibility timeout has passed, or the message is gone. Harmless.
    Stale,
    /// SQS has not done it, and the message will be delivered again.
    Failed(SqsError),
}

impl From<Result<(), SqsError>> for Settled {
    fn from(result: Result<(), SqsError>) -> Self {
        match result {
            Ok(()) => Self::Done,
            // What SQS refuses of an entry is its receipt handle.
            Err(error) if error.cause() == Cause::Refused && error.is_of_entry() => Self::Stale,
            Err(error) => Self::Failed(error),
        }
    }
}

impl Queue {
    /// Deletes the messages of these deliveries, in calls of 10 side by side. One result each, in order.
    pub async fn delete(&self, handles: &[ReceiptHandle], deadline: Instant) -> Vec<Settled> {
        let calls = handles.chunks(MAX_ENTRIES);
        let calls: Vec<_> = calls
            .map(|chunk| {
                batch::call(chunk, deadline, |handles| self.delete_batch(handles, deadline))
            })
            .collect();
        join_all(calls).await.into_iter().flatten().map(Settled::from).collect()
    }

    /// Makes these deliveries visible again after so long, in calls of 10 side by side. One result each, in order.
    pub async fn release(
        &self,
        deliveries: &[(ReceiptHandle, Duration)],
        deadline: Instant,
    ) -> Vec<Settled> {
        let calls = deliveries.chunks(MAX_ENTRIES);
        let calls: Vec<_> = calls
            .map(|chunk| {
                batch::call(chunk, deadline, |deliveries| self.release_batch(deliveries, deadline))
            })
            .collect();
        join_all(calls).await.into_iter().flatten().map(Settled::from).collect()
    }

    async fn delete_batch(&self, handles: Vec<&ReceiptHandle>, deadline: Instant) -> batch::Answer {
        const OPERATION: &str = "DeleteMessageBatch";
        let entries = handles.iter().enumerate().map(|(id, handle)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(id.to_string())
                .receipt_handle(&handle.0)
                .build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| SqsError::new(OPERATION, Cause::Refused, error))?;
        let request = self
            .connection
            .client()
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        let call = request.customize().config_override(policy::settle(deadline)).send();
        let call = call.map_err(|error| SqsError::of_call(OPERATION, &error));
        let answer = metrics::counted(OPERATION, handles.len(), call).await?;
        let successful = answer.successful().iter().map(|entry| entry.id());
        Ok(batch::results(OPERATION, handles.len(), successful, answer.failed()))
    }

    async fn release_batch(
        &self,
        deliveries: Vec<&(ReceiptHandle, Duration)>,
        deadline: Instant,
    ) -> batch::Answer {
        const OPERATION: &str = "ChangeMessageVisibilityBatch";
        let entries = deliveries.iter().enumerate().map(|(id, (handle, after))| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(id.to_string())
                .receipt_handle(&handle.0)
                .visibility_timeout(i32::try_from(after.as_secs()).unwrap_or(i32::MAX))
                .build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| SqsError::new(OPERATION, Cause::Refused, error))?;
        let request = self.connection.client().change_message_visibility_batch();
        let request = request.queue_url(&self.url).set_entries(Some(entries));
        let call = request.customize().config_override(policy::settle(deadline)).send();
        let call = call.map_err(|error| SqsError::of_call(OPERATION, &error));
        let answer = metrics::counted(OPERATION, deliveries.len(), call).await?;
        let successful = answer.successful().iter().map(|entry| entry.id());
        Ok(batch::results(OPERATION, deliveries.len(), successful, answer.failed()))
    }
}
