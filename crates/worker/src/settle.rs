//! Settles each delivery as `outcome` decided: deletes it, moves it to the invalid queue, or
//! releases it.

pub mod delay;

use std::{slice, time::Duration};

use domain::{FormType, Message, Received};
use futures_util::{StreamExt, stream};
use queue::{Cause, Delivery, QueuePair, ReceiptHandle, Settled, SqsError};
use tokio::time::Instant;

use crate::{
    health::QueueStatus,
    in_flight::InFlight,
    metrics::{self, Operation},
    outcome::Settlement,
};

/// The maximum number of sends to the invalid queue at the same time.
const SENDS_AT_ONCE: usize = 8;
/// Sends to the invalid queue end this long before the deadline, so that a message can still be
/// released if its send failed.
const TIME_TO_RELEASE: Duration = Duration::from_secs(3);

/// Settles the deliveries of one batch by the deadline. SQS will deliver again any message that
/// cannot be settled; this is logged and counted.
pub struct Settler<'a> {
    pub form_type: &'a FormType,
    pub pair: &'a QueuePair,
    pub status: &'a QueueStatus,
    pub deadline: Instant,
}

impl Settler<'_> {
    /// Settles every delivery. Returns whether the invalid queue is missing.
    pub async fn settle_all(&self, batch: &[InFlight], settlements: Vec<Settlement>) -> bool {
        let mut to_delete = Vec::new();
        let mut to_release = Vec::new();
        let mut to_set_aside = Vec::new();
        for (message, settlement) in batch.iter().zip(settlements) {
            let delivery = &message.delivery;
            let handle = || delivery.receipt_handle.clone();
            match settlement {
                Settlement::Delete => to_delete.push(handle()),
                Settlement::SetAside { reason } => to_set_aside.push((delivery, reason)),
                Settlement::ReleaseSoon => to_release.push((handle(), delay::soon())),
                Settlement::ReleaseLater => {
                    to_release.push((handle(), delay::later(delivery.receive_count)))
                }
                Settlement::ReleaseNow => to_release.push((handle(), delay::NONE)),
            }
        }
        let sends: Vec<_> = to_set_aside
            .into_iter()
            .map(|(delivery, reason)| self.set_aside(delivery, reason))
            .collect();
        let setting_aside =
            stream::iter(sends).buffer_unordered(SENDS_AT_ONCE).collect::<Vec<bool>>();
        let (_, _, queue_is_missing) =
            tokio::join!(self.delete(&to_delete), self.release(&to_release), setting_aside);
        queue_is_missing.contains(&true)
    }

    /// Moves a message to the invalid queue, or releases it if that fails. Returns whether the
    /// invalid queue is missing.
    async fn set_aside(&self, delivery: &Delivery, reason: String) -> bool {
        let Delivery { received, receipt_handle, receive_count, .. } = delivery;
        let message_id = &received.message_id;
        let submission_id = received.submission_id().map(|id| id.to_string());
        let traceparent = received.traceparent();
        let form_type = self.form_type.name();
        let sent = self.send_to_invalid_queue(received, &reason).await;
        metrics::count_entries(form_type, Operation::SetAside, [sent.as_ref().err()]);
        match sent {
            Ok(()) => {
                metrics::count_set_aside(form_type, &reason);
                let queue = self.pair.invalid.name();
                log::warn!(message_id, submission_id, traceparent, queue, reason; "Set a message aside.");
                self.delete(slice::from_ref(receipt_handle)).await;
                false
            }
            Err(error) => {
                metrics::count_outcome(form_type, "released", 1);
                log::error!(
                    message_id, submission_id, traceparent, reason, error:% = error;
                    "A message could not be set aside, and is released."
                );
                let delay = delay::later(*receive_count);
                self.release(&[(receipt_handle.clone(), delay)]).await;
                error.cause() == Cause::MissingQueue
            }
        }
    }

    async fn send_to_invalid_queue(
        &self,
        received: &Received,
        reason: &str,
    ) -> Result<(), SqsError> {
        let (invalid, deadline) = (&self.pair.invalid, self.deadline - TIME_TO_RELEASE);
        let limit = invalid.max_message_size().unwrap_or(usize::MAX);
        let with_attributes = Message::for_invalid_queue(received, reason, limit);
        match invalid.send_aside(&with_attributes, deadline).await {
            // The queue does not report its limit, or the limit has changed. The body matters most:
            // send it alone.
            Err(error) if error.cause() == Cause::TooLong => {
                let body_alone = Message::for_invalid_queue(received, reason, received.body.len());
                invalid.send_aside(&body_alone, deadline).await
            }
            other => other,
        }
    }

    async fn delete(&self, handles: &[ReceiptHandle]) {
        let settled = self.pair.form.delete(handles, self.deadline).await;
        self.status.record_deletes(&settled);
        self.record(Operation::Delete, &settled);
    }

    async fn release(&self, deliveries: &[(ReceiptHandle, Duration)]) {
        let settled = self.pair.form.release(deliveries, self.deadline).await;
        self.record(Operation::Release, &settled);
    }

    fn record(&self, operation: Operation, settled: &[Settled]) {
        let form_type = self.form_type.name();
        let stale = settled.iter().filter(|outcome| **outcome == Settled::Stale).count();
        metrics::count_stale(form_type, operation, stale);
        let failures = settled.iter().filter_map(failure);
        let not_stale = settled.iter().filter(|outcome| **outcome != Settled::Stale);
        metrics::count_entries(form_type, operation, not_stale.map(failure));
        let operation = operation.label();
        if stale > 0 {
            log::info!(
                operation, messages = stale;
                "Some deliveries no longer belonged to this worker. This is harmless: SQS delivers their messages again, or another worker has deleted them."
            );
        }
        if let Some(error) = failures.clone().next() {
            log::warn!(
                operation, messages = failures.count(), error:% = error;
                "Messages could not be settled and will come again."
            );
        }
    }
}

fn failure(settled: &Settled) -> Option<&SqsError> {
    match settled {
        Settled::Failed(error) => Some(error),
        Settled::Done | Settled::Stale => None,
    }
}
