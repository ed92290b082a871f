//! What lies on the invalid queue, without what was sent.

use std::{collections::HashMap, io, time::SystemTime};

use domain::Received;
use queue::{Delivery, Queue};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::sweep::{End, Sweep};

/// One message that was set aside, with all its copies.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is known by.
    pub identity: String,
    /// Why it was set aside, where it says so.
    pub reason: Option<String>,
    /// When its oldest copy came to the queue.
    pub sent_at: Option<SystemTime>,
    /// Body and attributes, as SQS counts them.
    pub bytes: usize,
    /// SQS's ids of its copies, at least one.
    pub copies: Vec<String>,
}

/// Goes through the queue; its messages, the oldest first.
///
/// # Errors
/// It was stopped, or SQS failed.
pub async fn look(queue: &Queue, stop: &CancellationToken) -> io::Result<Vec<Row>> {
    let bar = super::progress("Looking at the invalid queue", queue.approximate_messages().await);
    let mut sweep = Sweep::new(queue, stop, bar);
    let mut rows: HashMap<[u8; 32], Row> = HashMap::new();
    while let Some(deliveries) = sweep.next().await {
        deliveries.iter().for_each(|delivery| note(&mut rows, delivery));
    }
    match sweep.end().await? {
        End::Most => log::warn!(
            "The queue holds as much as is looked at in one go, or more: these may not be all."
        ),
        End::SeenBefore => {
            log::warn!("Messages came again before all were seen: these may not be all.")
        }
        End::Through | End::Stopped | End::Failed(_) => {}
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|a, b| (a.sent_at, &a.identity).cmp(&(b.sent_at, &b.identity)));
    Ok(rows)
}

fn note(rows: &mut HashMap<[u8; 32], Row>, delivery: &Delivery) {
    let received = &delivery.received;
    let row = rows.entry(sameness(received)).or_insert_with(|| Row {
        identity: received.identity(),
        reason: received.reason().map(str::to_owned),
        sent_at: delivery.sent_at,
        bytes: received.size(),
        copies: Vec::new(),
    });
    row.sent_at = row.sent_at.min(delivery.sent_at);
    row.copies.push(received.message_id.clone());
}

/// Equal for copies of one message, which a worker leaves that is killed while it sets it aside.
/// The body is a part of it: what has other content is never taken for a copy, whatever ids it bears.
fn sameness(received: &Received) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [&received.identity(), received.first_message_id(), &received.body] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use domain::AttributeValue;

    use super::*;

    fn received(message_id: &str, body: &str, attributes: &[(&str, &str)]) -> Received {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), AttributeValue::string(*value)));
        Received {
            message_id: message_id.to_owned(),
            body: body.to_owned(),
            attributes: attributes.collect(),
        }
    }

    #[test]
    fn copies_are_those_of_one_message_with_one_content() {
        let id = "0199a7a1-5c3e-7d10-8000-0123456789ab";
        let first = received("a", "1", &[("original_message_id", "first"), ("reason", "not_json")]);
        let same = [
            received("b", "1", &[("original_message_id", "first"), ("reason", "too_deep")]),
            received("first", "1", &[]),
        ];
        let others = [
            received("b", "1", &[("original_message_id", "second")]),
            received("b", "2", &[("original_message_id", "first")]),
            received("b", "1", &[("original_message_id", "first"), ("id", id)]),
            received("b", "1", &[]),
        ];
        for other in same {
            assert_eq!(sameness(&first), sameness(&other), "{other:?}");
        }
        for other in others {
            assert_ne!(sameness(&first), sameness(&other), "{other:?}");
        }
    }
}
