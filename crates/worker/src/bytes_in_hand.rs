//! What is in hand: bounded in bytes, for with so many no new poll starts, and how old it is.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::Instant};

/// Counts the bytes of messages that were received and are not settled.
#[derive(Clone)]
pub struct BytesInHand(Arc<Inner>);

struct Inner {
    limit: usize,
    held: AtomicUsize,
    fewer: Notify,
    /// How many messages were received at each moment.
    since: Mutex<BTreeMap<Instant, usize>>,
}

/// The bytes of one message, in hand until this is dropped.
pub struct Held {
    bytes: usize,
    since: Instant,
    of: BytesInHand,
}

impl BytesInHand {
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            held: AtomicUsize::new(0),
            fewer: Notify::new(),
            since: Mutex::default(),
        }))
    }

    /// Returns when there is room. What a poll brings is not known before, so that the polls that are out
    /// at the moment can exceed the limit by what they bring.
    pub async fn room(&self) {
        loop {
            let fewer = self.0.fewer.notified();
            if self.0.held.load(Ordering::Acquire) < self.0.limit {
                return;
            }
            fewer.await;
        }
    }

    /// Counts a message in that was received at this moment.
    pub fn hold(&self, bytes: usize, since: Instant) -> Held {
        self.0.held.fetch_add(bytes, Ordering::AcqRel);
        *self.since().entry(since).or_default() += 1;
        Held { bytes, since, of: self.clone() }
    }

    /// How long ago the oldest was received, 0 for none.
    pub fn oldest(&self) -> Duration {
        self.since().first_key_value().map(|(since, _)| since.elapsed()).unwrap_or_default()
    }

    fn since(&self) -> MutexGuard<'_, BTreeMap<Instant, usize>> {
        self.0.since.lock()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.0.held.fetch_sub(self.bytes, Ordering::AcqRel);
        self.of.0.fewer.notify_waiters();
        if let Entry::Occupied(mut messages) = self.of.since().entry(self.since) {
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
    fn there_is_room_again_when_enough_is_settled() {
        let bytes = BytesInHand::new(10);
        let (earlier, now) = (Instant::now() - Duration::from_secs(60), Instant::now());
        let (first, second) = (bytes.hold(9, now), bytes.hold(5, earlier));
        assert!(bytes.oldest() >= Duration::from_secs(60));
        let mut room = Box::pin(bytes.room());
        assert!(room.as_mut().now_or_never().is_none());
        drop(second);
        assert!(room.as_mut().now_or_never().is_some(), "9 of 10 are held");
        assert!(bytes.oldest() < Duration::from_secs(60));
        drop(first);
        assert_eq!(bytes.oldest(), Duration::ZERO);
    }
}
