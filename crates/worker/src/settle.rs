//! Carries out what was decided about each delivery.

use std::time::Duration;

use domain::{FormType, Message, Received};
use futures_util::{StreamExt, stream};
use queue::{Cause, Delivery, QueuePair, ReceiptHandle, Settled, SqsError};
use tokio::time::Instant;

use crate::{handle::InHand, metrics, outcome::Settlement};

/// Sends to the invalid queue at the same time.
const SENDS_ASIDE: usize = 8;
/// What is left of the time before the deadline for the release of what could not be set aside.
const TIME_TO_RELEASE: Duration = Duration::from_secs(3);
/// Released messages come back within so long, spread out.
const SOON: f64 = 10.0;

/// Settles every delivery by the deadline; what cannot be settled is logged and will be delivered again.
/// True when the invalid queue turned out to be missing.
pub async fn all(
    form_type: &FormType,
    pair: &QueuePair,
    in_hand: &[InHand],
    settlements: Vec<Settlement>,
    deadline: Instant,
) -> bool {
    let mut to_delete = Vec::new();
    let mut to_release = Vec::new();
    let mut to_set_aside = Vec::new();
    for (message, settlement) in in_hand.iter().zip(settlements) {
        let delivery = &message.delivery;
        match settlement {
            Settlement::Delete => to_delete.push(delivery.receipt_handle.clone()),
            Settlement::SetAside { reason } => to_set_aside.push((delivery, reason)),
            Settlement::ReleaseSoon => to_release.push((delivery.receipt_handle.clone(), soon())),
            Settlement::ReleaseNow => {
                to_release.push((delivery.receipt_handle.clone(), Duration::ZERO))
            }
        }
    }
    let sends: Vec<_> = to_set_aside
        .into_iter()
        .map(|(delivery, reason)| set_aside(form_type, pair, delivery, reason, deadline))
        .collect();
    let aside = stream::iter(sends).buffer_unordered(SENDS_ASIDE).collect::<Vec<bool>>();
    let (_, _, queue_is_gone) = tokio::join!(
        delete(pair, &to_delete, deadline),
        release(pair, &to_release, deadline),
        aside
    );
    queue_is_gone.contains(&true)
}

/// True when the invalid queue is missing.
async fn set_aside(
    form_type: &FormType,
    pair: &QueuePair,
    delivery: &Delivery,
    reason: String,
    deadline: Instant,
) -> bool {
    let Delivery { received, receipt_handle: handle, .. } = delivery;
    let named = received.named();
    match send_aside(pair, received, &reason, deadline - TIME_TO_RELEASE).await {
        Ok(()) => {
            metrics::set_aside(form_type.name(), &reason);
            log::warn!(
                "Set a message aside. {named} queue={} reason=\"{reason}\"",
                pair.invalid.name()
            );
            delete(pair, std::slice::from_ref(handle), deadline).await;
            false
        }
        Err(error) => {
            metrics::ended(form_type.name(), "released", 1);
            let what = "A message could not be set aside, and is released.";
            log::error!("{what} {named} reason=\"{reason}\" error=\"{error}\"");
            release(pair, &[(handle.clone(), soon())], deadline).await;
            error.cause() == Cause::MissingQueue
        }
    }
}

async fn send_aside(
    pair: &QueuePair,
    received: &Received,
    reason: &str,
    deadline: Instant,
) -> Result<(), SqsError> {
    let limit = pair.invalid.max_message_size();
    let whole = Message::for_invalid_queue(received, reason, limit.unwrap_or(usize::MAX));
    match pair.invalid.send_aside(&whole, deadline).await {
        // The queue does not tell its limit, or it has changed: the body is what counts.
        Err(error) if error.cause() == Cause::TooLong => {
            let body_alone = Message::for_invalid_queue(received, reason, received.body.len());
            pair.invalid.send_aside(&body_alone, deadline).await
        }
        other => other,
    }
}

async fn delete(pair: &QueuePair, handles: &[ReceiptHandle], deadline: Instant) {
    report("delete", &pair.form.delete(handles, deadline).await);
}

async fn release(pair: &QueuePair, deliveries: &[(ReceiptHandle, Duration)], deadline: Instant) {
    report("release", &pair.form.release(deliveries, deadline).await);
}

fn soon() -> Duration {
    Duration::from_secs_f64(rand::random_range(0.0..SOON))
}

fn report(what: &str, settled: &[Settled]) {
    let stale = settled.iter().filter(|outcome| **outcome == Settled::Stale).count();
    if stale > 0 {
        log::info!(
            "Deliveries were no longer ours, which is harmless. operation={what} messages={stale}"
        );
    }
    let failures = settled.iter().filter_map(|outcome| match outcome {
        Settled::Failed(error) => Some(error),
        Settled::Done | Settled::Stale => None,
    });
    if let Some(error) = failures.clone().next() {
        let count = failures.count();
        let what_happened = "Messages could not be settled and will come again.";
        log::warn!("{what_happened} operation={what} messages={count} error=\"{error}\"");
    }
}
