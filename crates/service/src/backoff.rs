//! How long to wait before the next attempt.

use std::time::Duration;

/// Waits that double up to a cap, with jitter so that many processes do not retry at the same moment.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts with waits of about `first`, which double up to `cap`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, failures: 0 }
    }

    /// How long to wait after one more failure: between 50 % and 100 % of the due time.
    pub fn next_wait(&mut self) -> Duration {
        let due = self.first.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        due.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_over_after_a_success() {
        let (first, cap) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut backoff = Backoff::new(first, cap);
        for due in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = backoff.next_wait().as_millis();
            assert!((due / 2..=due).contains(&wait), "{wait} of {due}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= first);
    }
}
