//! DeleteMessage and ChangeMessageVisibility, alone and in batches.

use std::sync::Arc;

use serde::Deserialize;

use super::batch::{self, BatchAnswer, DoneEntry};
use super::queues::Nothing;
use super::receive::in_range;
use crate::broker::Broker;
use crate::error::{ApiError, Code};
use crate::queue::Queue;
use crate::state::Unchanged;

/// A received message to settle, alone (then `id` is absent) or as an entry of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Settle {
    queue_url: Option<String>,
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch {
    queue_url: Option<String>,
    entries: Option<Vec<Settle>>,
}

/// Deletes a message by its latest receipt handle.
///
/// A stale handle, of a message that was received again since, answers success and the message stays; so does a handle
/// of before a restart. That is what SQS documents for standard queues ("the delete request appears successful but
/// might not delete the message"), in its less convenient reading: a client that relies on more shows here.
/// A handle whose visibility timeout is over deletes as long as nobody has received the message again.
/// Deleting what is deleted is a success.
pub(crate) async fn delete(broker: &Arc<Broker>, request: Settle) -> Result<Nothing, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let found = find(broker, &queue, &request)?;
    broker.delete(&queue, found.into_iter().collect()).await?;
    Ok(Nothing {})
}

/// All deletions are one change.
pub(crate) async fn delete_batch(
    broker: &Arc<Broker>,
    request: Batch,
) -> Result<BatchAnswer<DoneEntry>, ApiError> {
    let (queue, entries) = check(broker, request)?;
    let mut answer = BatchAnswer::new();
    let mut ids = Vec::with_capacity(entries.len());
    for entry in entries {
        match find(broker, &queue, &entry) {
            Ok(found) => {
                ids.extend(found);
                answer.successful.push(DoneEntry { id: entry.id.unwrap_or_default() });
            }
            Err(error) => answer.fail(entry.id.unwrap_or_default(), error),
        }
    }
    broker.delete(&queue, ids).await?;
    Ok(answer)
}

/// Sets when a message in flight becomes visible. A stale handle is an error here.
pub(crate) fn change_visibility(
    broker: &Arc<Broker>,
    request: Settle,
) -> Result<Nothing, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    change(broker, &queue, &request)?;
    Ok(Nothing {})
}

pub(crate) fn change_visibility_batch(
    broker: &Arc<Broker>,
    request: Batch,
) -> Result<BatchAnswer<DoneEntry>, ApiError> {
    let (queue, entries) = check(broker, request)?;
    let mut answer = BatchAnswer::new();
    for entry in entries {
        match change(broker, &queue, &entry) {
            Ok(()) => answer.successful.push(DoneEntry { id: entry.id.unwrap_or_default() }),
            Err(error) => answer.fail(entry.id.unwrap_or_default(), error),
        }
    }
    Ok(answer)
}

fn check(broker: &Broker, request: Batch) -> Result<(Arc<Queue>, Vec<Settle>), ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let entries = request.entries.unwrap_or_default();
    batch::check(entries.iter().map(|entry| entry.id.as_deref().unwrap_or_default()))?;
    Ok((queue, entries))
}

/// The message that a handle may delete, if there is one.
fn find(broker: &Broker, queue: &Queue, settle: &Settle) -> Result<Option<i64>, ApiError> {
    let handle =
        settle.receipt_handle.as_deref().ok_or_else(|| ApiError::missing("ReceiptHandle"))?;
    let receipt = broker.names.parse(handle, queue.id)?;
    let is_latest = queue.with_state(|state, _| state.is_latest(receipt.message, receipt.receive));
    Ok(is_latest.then_some(receipt.message))
}

fn change(broker: &Broker, queue: &Queue, settle: &Settle) -> Result<(), ApiError> {
    let handle =
        settle.receipt_handle.as_deref().ok_or_else(|| ApiError::missing("ReceiptHandle"))?;
    let seconds = in_range("VisibilityTimeout", settle.visibility_timeout, 0, 43_200)?
        .ok_or_else(|| ApiError::missing("VisibilityTimeout"))?;
    let receipt = broker.names.parse(handle, queue.id)?;
    let changed = queue.with_state(|state, now_ms| {
        state.change_visibility(receipt.message, receipt.receive, seconds * 1000, now_ms)
    });
    changed.map_err(|unchanged| match unchanged {
        Unchanged::Stale => ApiError::parameter(
            "ReceiptHandle",
            handle,
            "Message does not exist or is not available for visibility timeout change.",
        ),
        Unchanged::NotInFlight => {
            ApiError::new(Code::MessageNotInflight, "The specified message isn't in flight.")
        }
        Unchanged::TooLong => ApiError::parameter(
            "VisibilityTimeout",
            seconds,
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
        ),
    })
}
