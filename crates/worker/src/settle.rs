//! Carries out what was decided about each delivery.

use std::time::Duration;

use domain::Message;
use futures_util::{StreamExt, stream};
use queue::{Delivery, QueuePair, ReceiptHandle, Settled};

use crate::outcome::Settlement;

/// What fits in every queue, where a queue does not tell its limit.
const ANY_QUEUE_TAKES: usize = 262_144;
/// Sends to the invalid queue at the same time.
const SENDS_ASIDE: usize = 8;
/// Released messages come back within so long, spread out.
const SOON: f64 = 10.0;

/// Settles every delivery; what cannot be settled is logged and will be delivered again.
pub async fn all(pair: &QueuePair, deliveries: Vec<Delivery>, settlements: Vec<Settlement>) {
    let mut to_delete = Vec::new();
    let mut to_release = Vec::new();
    let mut to_set_aside = Vec::new();
    for (delivery, settlement) in deliveries.into_iter().zip(settlements) {
        match settlement {
            Settlement::Delete => to_delete.push(delivery.receipt_handle),
            Settlement::SetAside { reason } => to_set_aside.push((delivery, reason)),
            Settlement::ReleaseSoon => to_release.push((delivery.receipt_handle, soon())),
            Settlement::ReleaseNow => to_release.push((delivery.receipt_handle, Duration::ZERO)),
        }
    }
    let sends: Vec<_> = to_set_aside.into_iter().map(|(delivery, reason)| set_aside(pair, delivery, reason)).collect();
    let aside = stream::iter(sends).buffer_unordered(SENDS_ASIDE).collect::<Vec<()>>();
    tokio::join!(delete(pair, &to_delete), release(pair, &to_release), aside);
}

async fn set_aside(pair: &QueuePair, delivery: Delivery, reason: String) {
    let message_id = &delivery.received.message_id;
    let limit = pair.invalid.max_message_size().unwrap_or(ANY_QUEUE_TAKES);
    match pair.invalid.send_aside(&Message::invalid(&delivery.received, &reason, limit)).await {
        Ok(()) => {
            log::warn!(
                "Set a message aside. message_id={message_id} queue={} reason=\"{reason}\"",
                pair.invalid.name()
            );
            delete(pair, &[delivery.receipt_handle]).await;
        }
        Err(error) => {
            log::error!(
                "A message could not be set aside, and is released. message_id={message_id} reason=\"{reason}\" error=\"{error}\""
            );
            release(pair, &[(delivery.receipt_handle, soon())]).await;
        }
    }
}

async fn delete(pair: &QueuePair, handles: &[ReceiptHandle]) {
    report("delete", &pair.form.delete(handles).await);
}

async fn release(pair: &QueuePair, deliveries: &[(ReceiptHandle, Duration)]) {
    report("release", &pair.form.release(deliveries).await);
}

fn soon() -> Duration {
    Duration::from_secs_f64(rand::random_range(0.0..SOON))
}

fn report(what: &str, settled: &[Settled]) {
    let stale = settled.iter().filter(|outcome| **outcome == Settled::Stale).count();
    if stale > 0 {
        log::info!("Deliveries were no longer ours, which is harmless. operation={what} messages={stale}");
    }
    let failures = settled.iter().filter_map(|outcome| match outcome {
        Settled::Failed(error) => Some(error),
        Settled::Done | Settled::Stale => None,
    });
    if let Some(error) = failures.clone().next() {
        let count = failures.count();
        log::warn!(
            "Messages could not be settled and will come again. operation={what} messages={count} error=\"{error}\""
        );
    }
}
