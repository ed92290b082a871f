//! Bounds what is in hand in bytes: with so many, no new poll starts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts the bytes of messages that were received and are not settled.
#[derive(Clone)]
pub struct BytesInHand(Arc<Inner>);

struct Inner {
    limit: usize,
    held: AtomicUsize,
    fewer: Notify,
}

/// The bytes of one message, in hand until this is dropped.
pub struct Held {
    bytes: usize,
    of: BytesInHand,
}

impl BytesInHand {
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner { limit, held: AtomicUsize::new(0), fewer: Notify::new() }))
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

    /// Counts a message in.
    pub fn hold(&self, bytes: usize) -> Held {
        self.0.held.fetch_add(bytes, Ordering::AcqRel);
        Held { bytes, of: self.clone() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.0.held.fetch_sub(self.bytes, Ordering::AcqRel);
        self.of.0.fewer.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn there_is_room_again_when_enough_is_settled() {
        let bytes = BytesInHand::new(10);
        let (first, second) = (bytes.hold(9), bytes.hold(5));
        let mut room = Box::pin(bytes.room());
        assert!(room.as_mut().now_or_never().is_none());
        drop(second);
        assert!(room.as_mut().now_or_never().is_some(), "9 of 10 are held");
        drop(first);
    }
}
