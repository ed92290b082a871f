//! Messages in flight: received, and neither deleted nor released yet.
//!
//! They are counted by age, because the age of the oldest is a metric. Each body is in
//! memory only once (in the delivery until it is decoded, then in the record), and holds room for
//! that long.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use domain::Record;
use parking_lot::Mutex;
use queue::Delivery;
use tokio::time::Instant;

use crate::{
    decode::Undecoded,
    room::{Held, Reserved},
};

/// A message that was received and is not settled yet.
pub struct InFlight {
    /// Its body is empty if the message was decoded.
    pub delivery: Delivery,
    pub arrived_at: Instant,
    held: Option<Held>,
    _counted: Counted,
}

/// The content of a message, as a row.
pub struct Form {
    pub record: Record,
    held: Held,
}

/// A message that waits to be stored.
pub struct Arrival {
    pub message: InFlight,
    pub form: Result<Form, Undecoded>,
    /// What its body holds of the room.
    pub bytes: usize,
    /// Its place in the line of messages that wait for a database connection.
    pub place: Option<Reserved>,
}

impl Arrival {
    /// A message that a poll brought at `arrived_at`, and its content. It counts until it is
    /// dropped.
    pub fn new(
        delivery: Delivery,
        decoded: Result<Record, Undecoded>,
        arrived_at: Instant,
        held: Held,
        ages: &Ages,
    ) -> Self {
        let (bytes, _counted) = (held.bytes(), ages.count(arrived_at));
        let (form, held) = match decoded {
            Ok(record) => (Ok(Form { record, held }), None),
            Err(undecoded) => (Err(undecoded), Some(held)),
        };
        let message = InFlight { delivery, arrived_at, held, _counted };
        Self { message, form, bytes, place: None }
    }
}

impl InFlight {
    /// Puts the body back into the delivery, so that the message can be set aside.
    pub fn put_back(&mut self, form: Form) {
        self.delivery.received.body = form.record.data;
        self.held = Some(form.held);
    }
}

impl Form {
    /// The record without its room, which must be kept as long as the record is.
    pub fn into_parts(self) -> (Record, Held) {
        (self.record, self.held)
    }

    pub fn from_parts((record, held): (Record, Held)) -> Self {
        Self { record, held }
    }
}

/// Counts all messages in flight by age. Clones share the count.
#[derive(Clone, Default)]
pub struct Ages(Arc<Mutex<BTreeMap<Instant, usize>>>);

/// One message in the count, until this is dropped.
struct Counted {
    arrived_at: Instant,
    ages: Ages,
}

impl Ages {
    /// How long ago the oldest message arrived; 0 if no message is in flight.
    pub fn oldest(&self) -> Duration {
        let arrivals = self.0.lock();
        arrivals.first_key_value().map(|(arrived_at, _)| arrived_at.elapsed()).unwrap_or_default()
    }

    /// How many messages are in flight.
    pub fn messages(&self) -> usize {
        self.0.lock().values().sum()
    }

    fn count(&self, arrived_at: Instant) -> Counted {
        *self.0.lock().entry(arrived_at).or_default() += 1;
        Counted { arrived_at, ages: self.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Entry::Occupied(mut messages) = self.ages.0.lock().entry(self.arrived_at) {
            *messages.get_mut() -= 1;
            if *messages.get() == 0 {
                messages.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settled_message_no_longer_counts_as_the_oldest() {
        let ages = Ages::default();
        let (earlier, now) = (Instant::now() - Duration::from_secs(60), Instant::now());
        let (first, second, third) = (ages.count(now), ages.count(earlier), ages.count(now));
        assert!(ages.oldest() >= Duration::from_secs(60));
        assert_eq!(ages.messages(), 3);
        drop(second);
        assert!(ages.oldest() < Duration::from_secs(60));
        drop((first, third));
        assert_eq!((ages.oldest(), ages.messages()), (Duration::ZERO, 0));
    }
}
