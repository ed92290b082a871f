//! Recognises requests with the signature of 2016 that are sent again.
//!
//! That signature has no time and no nonce, so a request that is sent again looks like a second
//! person who sends an equal form. Only for some seconds is the first more likely.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;

/// They take about 20 MB, and are as many as 3,000 requests a second in a minute. If there are
/// more, the oldest is forgotten: its repetition is a new submission then.
const MOST: usize = 200_000;

/// Remembers when each signature came first.
pub struct Repeats {
    keep_for: Duration,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    first: HashMap<[u8; 32], Duration>,
    /// The same signatures, the oldest first (unless the clock was set back).
    by_age: VecDeque<(Duration, [u8; 32])>,
}

/// A signature and when the period began in which it came first. All repetitions have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    pub signature: [u8; 32],
    /// In milliseconds since 1970. Another instance, which has not seen the first request, finds the
    /// same for a repetition, unless a new period has begun.
    pub period_began: u64,
}

impl Repeats {
    /// `None` if the time is 0.
    pub fn new(keep_for: Duration) -> Option<Self> {
        (!keep_for.is_zero()).then(|| Self { keep_for, memory: Mutex::default() })
    }

    /// `None` if this is not a signature.
    pub fn find(&self, signature: &[u8]) -> Option<Repeat> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(signature, &mut bytes).ok()?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some(self.find_at(bytes, now))
    }

    fn find_at(&self, signature: [u8; 32], now: Duration) -> Repeat {
        let mut memory = self.memory.lock();
        let Memory { first, by_age } = &mut *memory;
        // In both directions, so that a clock that was set far ahead and back fills nothing.
        while let Some((_, oldest)) =
            by_age.pop_front_if(|(came, _)| now.abs_diff(*came) >= self.keep_for)
        {
            first.remove(&oldest);
        }
        let came = *first.entry(signature).or_insert_with(|| {
            by_age.push_back((now, signature));
            now
        });
        if by_age.len() > MOST
            && let Some((_, oldest)) = by_age.pop_front()
        {
            first.remove(&oldest);
        }
        let length = self.keep_for.as_millis().max(1);
        let began = came.as_millis() / length * length;
        Repeat { signature, period_began: u64::try_from(began).unwrap_or(u64::MAX) }
    }
}

/// Shows no signature.
impl fmt::Debug for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeats").field("keep_for", &self.keep_for).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn period(repeats: &Repeats, signature: u8, at: u64) -> u64 {
        repeats.find_at([signature; 32], Duration::from_secs(at)).period_began / 60_000
    }

    #[test]
    fn a_repetition_counts_from_the_first_request_and_not_from_the_last() {
        let repeats = Repeats::new(MINUTE).unwrap();
        assert_eq!(period(&repeats, 1, 6_030), 100);
        assert_eq!(period(&repeats, 1, 6_060), 100, "a new period has begun");
        assert_eq!(period(&repeats, 1, 6_089), 100);
        assert_eq!(period(&repeats, 2, 6_089), 101);
        assert_eq!(period(&repeats, 1, 6_090), 101);
        let other_instance = Repeats::new(MINUTE).unwrap();
        assert_eq!(period(&other_instance, 1, 6_059), 100);
    }

    #[test]
    fn a_clock_that_is_set_back_fills_nothing() {
        let repeats = Repeats::new(MINUTE).unwrap();
        period(&repeats, 1, 99_000);
        period(&repeats, 2, 6_000);
        assert_eq!(repeats.memory.lock().first.len(), 1);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let repeats = Repeats::new(MINUTE).unwrap();
        for number in 0..=MOST as u64 {
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&number.to_be_bytes());
            repeats.find_at(signature, MINUTE);
        }
        let memory = repeats.memory.lock();
        assert_eq!((memory.first.len(), memory.by_age.len()), (MOST, MOST));
    }

    #[test]
    fn no_time_means_off() {
        assert!(Repeats::new(Duration::ZERO).is_none());
    }
}
