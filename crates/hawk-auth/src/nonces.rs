//! The nonces of recent requests, in bounded memory.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// Remembers nonces for a fixed time. It never forgets one early to make room for another, because
/// that would allow a replay.
pub(crate) struct Nonces {
    capacity: usize,
    keep_for: u64,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: HashSet<Nonce>,
    /// The same nonces with their arrival times, the oldest first (unless the clock was set back).
    by_age: VecDeque<(u64, Nonce)>,
}

/// A nonce of a client at a timestamp, as a digest: its size does not depend on the nonce's length,
/// and it is too large for chance collisions.
///
/// A nonce with another client or timestamp is a different nonce, because Hawk only asks that a
/// client uses a nonce once per timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Nonce(u128);

impl Nonce {
    pub(crate) fn new(client: &str, nonce: &str, ts: u64) -> Self {
        let digest = Sha256::new()
            .chain_update((client.len() as u64).to_be_bytes())
            .chain_update(client)
            .chain_update(ts.to_be_bytes())
            .chain_update(nonce)
            .finalize();
        Self(digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

/// What the memory has about a nonce.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// It is new, and there is room for it.
    Fresh,
    /// It was remembered already.
    Seen,
    /// It is new, but there is no room for it.
    Full,
}

impl Nonces {
    /// Remembers up to `capacity` nonces, each for `keep_for` seconds, including the last one.
    pub(crate) fn new(capacity: std::num::NonZeroUsize, keep_for: u64) -> Self {
        Self { capacity: capacity.get(), keep_for, memory: Mutex::default() }
    }

    /// What [`Nonces::remember`] would find now. Nothing is remembered.
    pub(crate) fn look(&self, nonce: Nonce, now: u64) -> Remembered {
        let mut memory = self.memory.lock();
        memory.forget_expired(self.keep_for, now);
        memory.look(nonce, self.capacity)
    }

    pub(crate) fn remember(&self, nonce: Nonce, now: u64) -> Remembered {
        // If another thread panicked, the memory is still usable: an entry is in both collections,
        // or is about to be.
        let mut memory = self.memory.lock();
        memory.forget_expired(self.keep_for, now);
        let found = memory.look(nonce, self.capacity);
        if found == Remembered::Fresh {
            memory.known.insert(nonce);
            memory.by_age.push_back((now, nonce));
        }
        found
    }
}

impl Memory {
    fn look(&self, nonce: Nonce, capacity: usize) -> Remembered {
        if self.known.contains(&nonce) {
            Remembered::Seen
        } else if self.known.len() >= capacity {
            Remembered::Full
        } else {
            Remembered::Fresh
        }
    }

    fn forget_expired(&mut self, keep_for: u64, now: u64) {
        // The difference counts in both directions. Otherwise a clock that was set far ahead and
        // back again would fill the memory for good. Forgetting those nonces is safe: they arrived
        // in that future, so their timestamps are of that future too.
        while let Some((_, nonce)) =
            self.by_age.pop_front_if(|(arrived, _)| now.abs_diff(*arrived) > keep_for)
        {
            self.known.remove(&nonce);
        }
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces")
            .field("capacity", &self.capacity)
            .field("keep_for", &self.keep_for)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces(capacity: usize) -> Nonces {
        Nonces::new(capacity.try_into().unwrap(), 120)
    }

    fn remember(nonces: &Nonces, client: &str, nonce: &str, ts: u64, now: u64) -> Remembered {
        let nonce = Nonce::new(client, nonce, ts);
        let seen = nonces.look(nonce, now);
        let remembered = nonces.remember(nonce, now);
        assert_eq!(seen, remembered, "a look finds the same, if no other thread is there");
        remembered
    }

    #[test]
    fn a_nonce_is_remembered_per_client_and_timestamp() {
        let nonces = nonces(10);
        assert_eq!(remember(&nonces, "ui", "abc", 1000, 1000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "abc", 1000, 1000), Remembered::Seen);
        assert_eq!(remember(&nonces, "ui", "abd", 1000, 1000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "uj", "abc", 1000, 1000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "uia", "bc", 1000, 1000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "abc", 1001, 1000), Remembered::Fresh);
    }

    #[test]
    fn a_nonce_is_remembered_until_its_last_second_and_then_makes_room() {
        let nonces = nonces(1);
        assert_eq!(remember(&nonces, "ui", "abc", 1000, 1000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "abc", 1000, 1120), Remembered::Seen);
        assert_eq!(remember(&nonces, "ui", "new", 1120, 1120), Remembered::Full);
        assert_eq!(remember(&nonces, "ui", "new", 1120, 1121), Remembered::Fresh);
    }

    #[test]
    fn a_full_memory_forgets_no_nonce_early() {
        let nonces = nonces(2);
        assert_eq!(remember(&nonces, "ui", "1", 1000, 1000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "2", 1000, 1060), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "3", 1000, 1060), Remembered::Full);
        assert_eq!(remember(&nonces, "ui", "1", 1000, 1060), Remembered::Seen);
        assert_eq!(remember(&nonces, "ui", "3", 1000, 1121), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "4", 1000, 1121), Remembered::Full);
    }

    #[test]
    fn a_clock_that_is_set_back_neither_allows_a_replay_nor_fills_the_memory() {
        let nonces = nonces(2);
        assert_eq!(remember(&nonces, "ui", "1", 1000, 1000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "1", 1000, 990), Remembered::Seen);
        assert_eq!(remember(&nonces, "ui", "2", 9000, 9000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "3", 9000, 9000), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "4", 1000, 1010), Remembered::Fresh);
        assert_eq!(remember(&nonces, "ui", "5", 1000, 1010), Remembered::Fresh);
    }

    #[test]
    fn if_many_threads_remember_the_same_nonce_only_one_is_first() {
        let nonces = nonces(10);
        let fresh = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| nonces.remember(Nonce::new("ui", "abc", 1000), 1000)))
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap())
                .filter(|r| *r == Remembered::Fresh)
                .count()
        });
        assert_eq!(fresh, 1);
    }
}
