//! The nonces that were seen lately, in bounded memory.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// Remembers nonces for a time, and never forgets one earlier to have room for another: that would let a replay in.
pub(crate) struct Nonces {
    capacity: usize,
    keep_for: u64,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: HashSet<u128>,
    /// The same, with the time at which each came, the oldest first as far as the clock went forward.
    by_age: VecDeque<(u64, u128)>,
}

/// What became of a nonce.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// It is known from now on.
    Fresh,
    /// It was known already.
    Seen,
    /// It is not known, and there is no room for it.
    Full,
}

impl Nonces {
    /// Up to `capacity` nonces at a time, each for `keep_for` seconds, the last of them included.
    pub(crate) fn new(capacity: std::num::NonZeroUsize, keep_for: u64) -> Self {
        Self { capacity: capacity.get(), keep_for, memory: Mutex::default() }
    }

    /// Nonces are told apart by client and timestamp, within which Hawk asks clients to use one only once.
    pub(crate) fn remember(&self, client: &str, nonce: &str, ts: u64, now: u64) -> Remembered {
        let nonce = digest(client, nonce, ts);
        // A panic elsewhere cannot have left it half changed in a way that matters: an entry is in both or about to be.
        let mut memory = self.memory.lock();
        memory.forget(self.keep_for, now);
        if memory.known.contains(&nonce) {
            return Remembered::Seen;
        }
        if memory.known.len() >= self.capacity {
            return Remembered::Full;
        }
        memory.known.insert(nonce);
        memory.by_age.push_back((now, nonce));
        Remembered::Fresh
    }
}

impl Memory {
    fn forget(&mut self, keep_for: u64, now: u64) {
        // Either way, so that a clock that was set far ahead and back again does not fill the memory for good: what came
        // in that future has timestamps of that future.
        while let Some((_, nonce)) =
            self.by_age.pop_front_if(|(came, _)| now.abs_diff(*came) > keep_for)
        {
            self.known.remove(&nonce);
        }
    }
}

/// Of one size, however long the nonce is, and too wide for two to meet by chance.
fn digest(client: &str, nonce: &str, ts: u64) -> u128 {
    let digest = Sha256::new()
        .chain_update((client.len() as u64).to_be_bytes())
        .chain_update(client)
        .chain_update(ts.to_be_bytes())
        .chain_update(nonce)
        .finalize();
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
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

    #[test]
    fn a_nonce_is_known_by_client_and_timestamp() {
        let nonces = nonces(10);
        assert_eq!(nonces.remember("ui", "abc", 1000, 1000), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "abc", 1000, 1000), Remembered::Seen);
        assert_eq!(nonces.remember("ui", "abd", 1000, 1000), Remembered::Fresh);
        assert_eq!(nonces.remember("uj", "abc", 1000, 1000), Remembered::Fresh);
        assert_eq!(nonces.remember("uia", "bc", 1000, 1000), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "abc", 1001, 1000), Remembered::Fresh);
    }

    #[test]
    fn a_nonce_is_known_to_the_last_second_and_its_place_is_free_in_the_next() {
        let nonces = nonces(1);
        assert_eq!(nonces.remember("ui", "abc", 1000, 1000), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "abc", 1000, 1120), Remembered::Seen);
        assert_eq!(nonces.remember("ui", "new", 1120, 1120), Remembered::Full);
        assert_eq!(nonces.remember("ui", "new", 1120, 1121), Remembered::Fresh);
    }

    #[test]
    fn a_full_memory_forgets_nothing_early() {
        let nonces = nonces(2);
        assert_eq!(nonces.remember("ui", "1", 1000, 1000), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "2", 1000, 1060), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "3", 1000, 1060), Remembered::Full);
        assert_eq!(nonces.remember("ui", "1", 1000, 1060), Remembered::Seen);
        assert_eq!(nonces.remember("ui", "3", 1000, 1121), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "4", 1000, 1121), Remembered::Full);
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing_that_could_come_again_and_does_not_fill_the_memory()
    {
        let nonces = nonces(2);
        assert_eq!(nonces.remember("ui", "1", 1000, 1000), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "1", 1000, 990), Remembered::Seen);
        assert_eq!(nonces.remember("ui", "2", 9000, 9000), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "3", 9000, 9000), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "4", 1000, 1010), Remembered::Fresh);
        assert_eq!(nonces.remember("ui", "5", 1000, 1010), Remembered::Fresh);
    }

    #[test]
    fn of_many_threads_with_one_nonce_one_is_first() {
        let nonces = nonces(10);
        let fresh = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| nonces.remember("ui", "abc", 1000, 1000))).collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap())
                .filter(|r| *r == Remembered::Fresh)
                .count()
        });
        assert_eq!(fresh, 1);
    }
}
