//! Takes stock of the invalid queue without keeping any message body.

use std::{collections::HashMap, time::SystemTime};

use domain::Received;
use queue::{Delivery, Queue};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    sweep::{End, Sweep},
    terminal::progress,
};

/// One message that was set aside, with all its copies.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Our id of the submission, or else the message id that it had first.
    pub identity: String,
    /// Why it was set aside, if its attributes say so.
    pub reason: Option<String>,
    /// When its oldest copy arrived on the queue.
    pub sent_at: Option<SystemTime>,
    /// Body and attributes, as SQS counts them.
    pub bytes: usize,
    /// The message ids of its copies, at least one.
    pub copies: Vec<String>,
}

/// Goes through the queue and returns its messages, oldest first.
///
/// # Errors
/// The process was asked to stop, or SQS failed.
pub async fn look(queue: &Queue, stop: &CancellationToken) -> anyhow::Result<Vec<Row>> {
    let bar = progress("Looking at the invalid queue", queue.approximate_messages().await);
    let mut sweep = Sweep::new(queue, stop, bar);
    let mut rows: HashMap<[u8; 32], Row> = HashMap::new();
    while let Some(deliveries) = sweep.next().await {
        deliveries.iter().for_each(|delivery| note(&mut rows, delivery));
    }
    match sweep.finish().await? {
        End::TooMany => log::warn!(
            "The command looks at no more than 100,000 messages at a time, so the queue may hold more than these."
        ),
        End::OnlyKnown => log::warn!(
            "The queue kept returning the same messages, so it may hold more than these."
        ),
        End::Complete | End::Stopped | End::Failed(_) => {}
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|a, b| (a.sent_at, &a.identity).cmp(&(b.sent_at, &b.identity)));
    Ok(rows)
}

fn note(rows: &mut HashMap<[u8; 32], Row>, delivery: &Delivery) {
    let received = &delivery.received;
    let row = rows.entry(fingerprint(received)).or_insert_with(|| Row {
        identity: received.identity(),
        reason: received.reason().map(str::to_owned),
        sent_at: delivery.sent_at,
        bytes: received.size(),
        copies: Vec::new(),
    });
    row.sent_at = row.sent_at.min(delivery.sent_at);
    row.copies.push(received.message_id.clone());
}

/// The same for all copies of one message. A worker leaves copies if it is killed while it sets a
/// message aside. The body is part of the fingerprint: a message with other content is never taken
/// for a copy, whatever its ids.
fn fingerprint(received: &Received) -> [u8; 32] {
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
    fn two_messages_are_copies_if_their_ids_and_their_content_are_the_same() {
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
            assert_eq!(fingerprint(&first), fingerprint(&other), "{other:?}");
        }
        for other in others {
            assert_ne!(fingerprint(&first), fingerprint(&other), "{other:?}");
        }
    }
}
