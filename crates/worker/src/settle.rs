//! Settles each delivery as `outcome` decided: deletes it, moves it to the invalid queue, or
//! releases it.

use std::{slice, time::Duration};

use domain::{FormType, Message, Received};
use futures_util::{StreamExt, stream};
use queue::{Cause, Delivery, QueuePair, ReceiptHandle, Settled, SqsError};
use tokio::time::Instant;

use crate::{in_flight::InFlight, metrics, outcome::Settlement};

/// The maximum number of sends to the invalid queue at the same time.
const SENDS_AT_ONCE: usize = 8;
/// Sends to the invalid queue end this long before the deadline, so that a message can still be
/// released if its send failed.
const TIME_TO_RELEASE: Duration = Duration::from_secs(3);
/// Released messages become visible after a random time of up to this many seconds, so that they
/// come back spread out.
const RELEASE_SECONDS: f64 = 10.0;

/// Settles every delivery by the deadline. SQS will deliver again any message that cannot be
/// settled; this is logged. Returns whether the invalid queue is missing.
pub async fn settle_all(
    form_type: &FormType,
    pair: &QueuePair,
    batch: &[InFlight],
    settlements: Vec<Settlement>,
    deadline: Instant,
) -> bool {
    let mut to_delete = Vec::new();
    let mut to_release = Vec::new();
    let mut to_set_aside = Vec::new();
    for (message, settlement) in batch.iter().zip(settlements) {
        let delivery = &message.delivery;
        match settlement {
            Settlement::Delete => to_delete.push(delivery.receipt_handle.clone()),
            Settlement::SetAside { reason } => to_set_aside.push((delivery, reason)),
            Settlement::ReleaseSoon => {
                to_release.push((delivery.receipt_handle.clone(), random_delay()))
            }
            Settlement::ReleaseNow => {
                to_release.push((delivery.receipt_handle.clone(), Duration::ZERO))
            }
        }
    }
    let sends: Vec<_> = to_set_aside
        .into_iter()
        .map(|(delivery, reason)| set_aside(form_type, pair, delivery, reason, deadline))
        .collect();
    let setting_aside = stream::iter(sends).buffer_unordered(SENDS_AT_ONCE).collect::<Vec<bool>>();
    let (_, _, queue_is_missing) = tokio::join!(
        delete(pair, &to_delete, deadline),
        release(pair, &to_release, deadline),
        setting_aside
    );
    queue_is_missing.contains(&true)
}

/// Moves a message to the invalid queue, or releases it if that fails. Returns whether the invalid
/// queue is missing.
async fn set_aside(
    form_type: &FormType,
    pair: &QueuePair,
    delivery: &Delivery,
    reason: String,
    deadline: Instant,
) -> bool {
    let Delivery { received, receipt_handle, .. } = delivery;
    let message_id = &received.message_id;
    let submission_id = received.submission_id().map(|id| id.to_string());
    let traceparent = received.traceparent();
    match send_to_invalid_queue(pair, received, &reason, deadline - TIME_TO_RELEASE).await {
        Ok(()) => {
            metrics::count_set_aside(form_type.name(), &reason);
            let queue = pair.invalid.name();
            log::warn!(message_id, submission_id, traceparent, queue, reason; "Set a message aside.");
            delete(pair, slice::from_ref(receipt_handle), deadline).await;
            false
        }
        Err(error) => {
            metrics::count_outcome(form_type.name(), "released", 1);
            log::error!(
                message_id, submission_id, traceparent, reason, error:% = error;
                "A message could not be set aside, and is released."
            );
            release(pair, &[(receipt_handle.clone(), random_delay())], deadline).await;
            error.cause() == Cause::MissingQueue
        }
    }
}

async fn send_to_invalid_queue(
    pair: &QueuePair,
    received: &Received,
    reason: &str,
    deadline: Instant,
) -> Result<(), SqsError> {
    let limit = pair.invalid.max_message_size();
    let with_attributes = Message::for_invalid_queue(received, reason, limit.unwrap_or(usize::MAX));
    match pair.invalid.send_aside(&with_attributes, deadline).await {
        // The queue does not report its limit, or the limit has changed. The body matters most:
        // send it alone.
        Err(error) if error.cause() == Cause::TooLong => {
            let body_alone = Message::for_invalid_queue(received, reason, received.body.len());
            pair.invalid.send_aside(&body_alone, deadline).await
        }
        other => other,
    }
}

async fn delete(pair: &QueuePair, handles: &[ReceiptHandle], deadline: Instant) {
    log_failures("delete", &pair.form.delete(handles, deadline).await);
}

async fn release(pair: &QueuePair, deliveries: &[(ReceiptHandle, Duration)], deadline: Instant) {
    log_failures("release", &pair.form.release(deliveries, deadline).await);
}

fn random_delay() -> Duration {
    Duration::from_secs_f64(rand::random_range(0.0..RELEASE_SECONDS))
}

fn log_failures(operation: &str, settled: &[Settled]) {
    let stale = settled.iter().filter(|outcome| **outcome == Settled::Stale).count();
    if stale > 0 {
        log::info!(
            operation, messages = stale;
            "Some deliveries no longer belonged to this worker. This is harmless: SQS delivers their messages again, or another worker has deleted them."
        );
    }
    let failures = settled.iter().filter_map(|outcome| match outcome {
        Settled::Failed(error) => Some(error),
        Settled::Done | Settled::Stale => None,
    });
    if let Some(error) = failures.clone().next() {
        log::warn!(
            operation, messages = failures.count(), error:% = error;
            "Messages could not be settled and will come again."
        );
    }
}
