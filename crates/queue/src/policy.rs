//! How long each operation may take and how often it is tried, with the reason.

use std::time::Duration;

use aws_sdk_sqs::config::{Builder, Config, retry::RetryConfig, timeout::TimeoutConfig};
use tokio::time::Instant;

/// An answer to a call that waits for nothing takes some 20 ms; this is for a bad day.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Look-ups and creation of queues: cheap and harmless to repeat, and the caller tries again in any case.
pub(crate) fn provision() -> Builder {
    policy(3, ATTEMPT, Duration::from_secs(10))
}

/// How long a message may wait for its turn to be sent, of the time that somebody waits for it. The rest is for SQS:
/// one that leaves later is given up before SQS answers, and where more comes than SQS takes that would befall all.
pub(crate) fn turn(within: Duration) -> Duration {
    within.mul_f32(0.4)
}

/// Sends: somebody waits for the answer, until the deadline at the most. A send whose reply was lost is sent again:
/// both copies have the same submission id.
pub(crate) fn send(within: Duration, deadline: Instant) -> Builder {
    let operation =
        deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    policy(3, (within - turn(within)).min(operation), operation)
}

/// Receive: never retried here, because the poll loop is the retry and has its own backoff.
/// A poll that never returns is a known failure, so that an attempt ends, but only well after SQS should have answered.
pub(crate) fn receive(wait_time: Duration) -> Builder {
    let attempt = wait_time + Duration::from_secs(5);
    policy(1, attempt, attempt)
}

/// Delete, change of visibility, and the send to the invalid queue: what is in hand has to be settled by its deadline,
/// and where that has passed there is one short attempt, because a release that comes late is better than none.
pub(crate) fn settle(deadline: Instant) -> Builder {
    let operation = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    policy(3, ATTEMPT.min(operation), operation)
}

fn policy(attempts: u32, attempt: Duration, operation: Duration) -> Builder {
    let retry = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(50));
    let timeout = TimeoutConfig::builder()
        // The same for all, because the client keeps a pool of connections per connect timeout.
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation);
    Config::builder().retry_config(retry).timeout_config(timeout.build())
}
