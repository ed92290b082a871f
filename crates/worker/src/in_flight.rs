//! Messages in flight: received, and neither deleted nor released yet.
//!
//! They are counted in bytes, because no new poll starts above a limit, and by age, because the age
//! of the oldest is a metric.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use queue::Delivery;
use tokio::{sync::Notify, time::Instant};

/// A message that was received and is not settled yet.
pub struct InFlight {
    pub delivery: Delivery,
    pub arrived_at: Instant,
    _counted: Counted,
}

impl InFlight {
    /// A message that a poll brought at `arrived_at`. It counts until it is dropped.
    pub fn new(delivery: Delivery, arrived_at: Instant, bytes: &BytesInFlight) -> Self {
        let _counted = bytes.count(delivery.received.size(), arrived_at);
        Self { delivery, arrived_at, _counted }
    }
}

/// Counts the bytes and the ages of all messages in flight. Clones share the count.
#[derive(Clone)]
pub struct BytesInFlight(Arc<Inner>);

struct Inner {
    limit: usize,
    bytes: AtomicUsize,
    /// Notified when a message is settled.
    fewer: Notify,
    /// The number of messages that arrived at each moment.
    arrivals: Mutex<BTreeMap<Instant, usize>>,
}

/// One message in the count, until this is dropped.
struct Counted {
    bytes: usize,
    arrived_at: Instant,
    total: BytesInFlight,
}

impl BytesInFlight {
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            bytes: AtomicUsize::new(0),
            fewer: Notify::new(),
            arrivals: Mutex::default(),
        }))
    }

    /// Returns when the total is below the limit. Nobody knows beforehand how much a poll brings,
    /// so the polls that are open at that moment can exceed the limit by everything they bring.
    pub async fn wait_for_room(&self) {
        loop {
            let fewer = self.0.fewer.notified();
            if self.0.bytes.load(Ordering::Acquire) < self.0.limit {
                return;
            }
            fewer.await;
        }
    }

    /// How long ago the oldest message arrived; 0 if no message is in flight.
    pub fn age_of_oldest(&self) -> Duration {
        let arrivals = self.0.arrivals.lock();
        arrivals.first_key_value().map(|(arrived_at, _)| arrived_at.elapsed()).unwrap_or_default()
    }

    fn count(&self, bytes: usize, arrived_at: Instant) -> Counted {
        self.0.bytes.fetch_add(bytes, Ordering::AcqRel);
        *self.0.arrivals.lock().entry(arrived_at).or_default() += 1;
        Counted { bytes, arrived_at, total: self.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Inner { bytes, fewer, arrivals, .. } = &*self.total.0;
        bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        fewer.notify_waiters();
        if let Entry::Occupied(mut messages) = arrivals.lock().entry(self.arrived_at) {
            *messages.get_mut() -= 1;
            if *messages.get() == 0 {
                messages.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_settled_message_makes_room_and_no_longer_counts_as_the_oldest() {
        let bytes = BytesInFlight::new(10);
        let (earlier, now) = (Instant::now() - Duration::from_secs(60), Instant::now());
        let (first, second) = (bytes.count(9, now), bytes.count(5, earlier));
        assert!(bytes.age_of_oldest() >= Duration::from_secs(60));
        let mut room = Box::pin(bytes.wait_for_room());
        assert!(room.as_mut().now_or_never().is_none());
        drop(second);
        assert!(room.as_mut().now_or_never().is_some(), "9 of 10 bytes are in flight");
        assert!(bytes.age_of_oldest() < Duration::from_secs(60));
        drop(first);
        assert_eq!(bytes.age_of_oldest(), Duration::ZERO);
    }
}
