//! How long a released message stays hidden.

use std::time::Duration;

/// At once.
pub const NONE: Duration = Duration::ZERO;
/// Messages that are released together come back spread out over this time.
const SOON: Duration = Duration::from_secs(10);
/// The longest wait for a message that keeps failing.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// A message that failed this often may simply have been unlucky, and comes back soon.
const UNLUCKY: u32 = 2;

/// For a message that is not at fault.
pub fn soon() -> Duration {
    SOON.mul_f64(rand::random_range(0.0..1.0))
}

/// For a message that failed by itself: soon at first, then twice as late each time. So the 20
/// deliveries, after which SQS gives a message up, take two to three hours instead of minutes.
pub fn later(receive_count: Option<u32>) -> Duration {
    let doublings = receive_count.unwrap_or(1).saturating_sub(UNLUCKY);
    if doublings == 0 {
        return soon();
    }
    let due = SOON.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST);
    due.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_keeps_failing_comes_back_later_each_time() {
        for (receive_count, seconds) in [
            (None, 0.0..=10.0),
            (Some(1), 0.0..=10.0),
            (Some(2), 0.0..=10.0),
            (Some(3), 10.0..=20.0),
            (Some(5), 40.0..=80.0),
            (Some(8), 320.0..=640.0),
            (Some(9), 450.0..=900.0),
            (Some(u32::MAX), 450.0..=900.0),
        ] {
            let delay = later(receive_count).as_secs_f64();
            assert!(seconds.contains(&delay), "{receive_count:?}: {delay}");
        }
    }

    #[test]
    fn twenty_deliveries_take_hours() {
        let all: Duration = (1..20).map(|receive_count| later(Some(receive_count))).sum();
        assert!(all >= Duration::from_secs(90 * 60), "{all:?}");
    }
}
