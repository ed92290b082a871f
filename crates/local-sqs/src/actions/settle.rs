//! DeleteMessage and ChangeMessageVisibility, alone and in batches.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    batch::{self, BatchAnswer, DoneEntry},
    queues::EmptyAnswer,
    receive::check_range,
};
use crate::{
    broker::Broker,
    error::{ApiError, Code},
    queue::Queue,
    state::Unchanged,
};

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
/// A handle is stale if the message was received again since, or if the server was restarted. With
/// a stale handle the answer is success, but the message stays. SQS documents this for standard
/// queues ("the delete request appears successful but might not delete the message"); this server
/// takes the less convenient reading, so that tests expose a client that relies on more.
/// A handle whose visibility timeout is over still deletes, unless the message was received again.
/// Deleting a deleted message is a success.
pub(crate) async fn delete_message(
    broker: &Arc<Broker>,
    request: Settle,
) -> Result<EmptyAnswer, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let found = find_message(broker, &queue, &request)?;
    broker.delete_messages(&queue, found.into_iter().collect()).await?;
    Ok(EmptyAnswer {})
}

/// Deletes all entries in one change.
pub(crate) async fn delete_message_batch(
    broker: &Arc<Broker>,
    request: Batch,
) -> Result<BatchAnswer<DoneEntry>, ApiError> {
    let (queue, entries) = find_queue_and_entries(broker, request)?;
    let mut answer = BatchAnswer::new();
    let mut ids = Vec::with_capacity(entries.len());
    for entry in entries {
        match find_message(broker, &queue, &entry) {
            Ok(found) => {
                ids.extend(found);
                answer.successful.push(DoneEntry { id: entry.id.unwrap_or_default() });
            }
            Err(error) => answer.add_failure(entry.id.unwrap_or_default(), error),
        }
    }
    broker.delete_messages(&queue, ids).await?;
    Ok(answer)
}

/// Sets when a message in flight becomes visible. Here a stale handle is an error.
pub(crate) fn change_message_visibility(
    broker: &Arc<Broker>,
    request: Settle,
) -> Result<EmptyAnswer, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    change_one(broker, &queue, &request)?;
    Ok(EmptyAnswer {})
}

pub(crate) fn change_message_visibility_batch(
    broker: &Arc<Broker>,
    request: Batch,
) -> Result<BatchAnswer<DoneEntry>, ApiError> {
    let (queue, entries) = find_queue_and_entries(broker, request)?;
    let mut answer = BatchAnswer::new();
    for entry in entries {
        match change_one(broker, &queue, &entry) {
            Ok(()) => answer.successful.push(DoneEntry { id: entry.id.unwrap_or_default() }),
            Err(error) => answer.add_failure(entry.id.unwrap_or_default(), error),
        }
    }
    Ok(answer)
}

fn find_queue_and_entries(
    broker: &Broker,
    request: Batch,
) -> Result<(Arc<Queue>, Vec<Settle>), ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let entries = request.entries.unwrap_or_default();
    batch::check_entry_ids(entries.iter().map(|entry| entry.id.as_deref().unwrap_or_default()))?;
    Ok((queue, entries))
}

/// The message that the handle may delete, unless the handle is stale.
fn find_message(broker: &Broker, queue: &Queue, settle: &Settle) -> Result<Option<i64>, ApiError> {
    let handle =
        settle.receipt_handle.as_deref().ok_or_else(|| ApiError::missing("ReceiptHandle"))?;
    let receipt = broker.public_ids.parse_handle(handle, queue.id)?;
    let is_latest =
        queue.with_state(|state, _| state.is_latest_receive(receipt.message, receipt.receive));
    Ok(is_latest.then_some(receipt.message))
}

fn change_one(broker: &Broker, queue: &Queue, settle: &Settle) -> Result<(), ApiError> {
    let handle =
        settle.receipt_handle.as_deref().ok_or_else(|| ApiError::missing("ReceiptHandle"))?;
    let seconds = check_range("VisibilityTimeout", settle.visibility_timeout, 0, 43_200)?
        .ok_or_else(|| ApiError::missing("VisibilityTimeout"))?;
    let receipt = broker.public_ids.parse_handle(handle, queue.id)?;
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
