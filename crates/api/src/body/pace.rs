//! How fast a body arrives.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::refusal::Refusal;

/// A body must bring enough bytes in each window of this length. A packet that is lost and sent again
/// a few times takes less.
const WINDOW: Duration = Duration::from_secs(10);

/// The rate is known after this time.
const KNOWN_AFTER: Duration = Duration::from_secs(1);

/// The lowest rate of a body.
#[derive(Clone, Copy)]
pub struct LowestRate {
    /// 0 if there is none.
    bytes_per_window: usize,
}

impl LowestRate {
    pub fn new(bytes_per_second: usize) -> Self {
        let seconds = usize::try_from(WINDOW.as_secs()).unwrap_or(1);
        Self { bytes_per_window: bytes_per_second.saturating_mul(seconds) }
    }

    pub fn start(self) -> Pace {
        Pace { lowest: self.bytes_per_window, end: Instant::now() + WINDOW, bytes: 0 }
    }
}

/// Compares one body with the lowest rate.
pub struct Pace {
    lowest: usize,
    /// The end of the present window.
    end: Instant,
    /// What has arrived in it.
    bytes: usize,
}

impl Pace {
    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Waits until a window has brought too few bytes.
    pub async fn too_slow(&mut self) -> Refusal {
        loop {
            sleep_until(self.end).await;
            if self.bytes < self.lowest {
                return Refusal::BodyTooSlow;
            }
            (self.end, self.bytes) = (Instant::now() + WINDOW, 0);
        }
    }
}

/// The rate of one body in the last second or two, to find the slowest of all.
pub struct RecentRate {
    since: Instant,
    bytes: usize,
    /// The rate before `since`, in bytes per second. `None` in the first second.
    before: Option<f64>,
}

impl RecentRate {
    pub fn new() -> Self {
        Self { since: Instant::now(), bytes: 0, before: None }
    }

    pub fn add(&mut self, bytes: usize) {
        let now = Instant::now();
        if now - self.since >= KNOWN_AFTER {
            *self = Self { since: now, bytes: 0, before: self.at(now) };
        }
        self.bytes += bytes;
    }

    /// Bytes per second. `None` while it is too early to know.
    pub fn at(&self, now: Instant) -> Option<f64> {
        let seconds = (now - self.since).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a body has less than 2^53 bytes")]
        let bytes = self.bytes as f64;
        if now - self.since >= KNOWN_AFTER {
            Some(bytes / seconds)
        } else {
            self.before.map(|before| (before + bytes) / (1.0 + seconds))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_body_that_stalls_is_soon_slower_than_one_that_trickles() {
        let start = Instant::now();
        let stalled = RecentRate { since: start, bytes: 3_000_000, before: None };
        let trickling = RecentRate { since: start + 59 * SECOND, bytes: 0, before: Some(60_000.0) };
        assert_eq!(stalled.at(start + SECOND / 2), None, "too early");
        assert_eq!(stalled.at(start + SECOND), Some(3_000_000.0));
        assert!(stalled.at(start + 60 * SECOND) < Some(50_001.0));
        assert!(trickling.at(start + 59 * SECOND + SECOND / 2) < Some(40_001.0));
    }
}
