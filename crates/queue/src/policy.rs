//! How long each operation may take and how often it is tried, with the reason.

use std::time::Duration;

use aws_sdk_sqs::config::{Builder, Config, retry::RetryConfig, timeout::TimeoutConfig};
use tokio::time::Instant;

/// SQS usually answers within 20 ms a call that waits for nothing; this is for a bad day.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Look-ups and creation of queues: cheap and harmless to repeat, and the caller tries again in any case.
pub(crate) fn find() -> Builder {
    policy(3, ATTEMPT, Duration::from_secs(10))
}

/// How long a message may wait for its turn, out of the time that its caller waits for the result.
///
/// The rest of that time is for SQS. A message that leaves later is given up before SQS answers, and if more messages
/// come than SQS takes, that would happen to all of them.
pub(crate) fn max_wait_for_turn(within: Duration) -> Duration {
    within.mul_f32(0.4)
}

/// Sends: a caller waits for the answer, and only until the deadline. If the reply was lost, the message is sent again:
/// both copies have the same submission id.
pub(crate) fn send(within: Duration, deadline: Instant) -> Builder {
    let operation =
        deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    policy(3, (within - max_wait_for_turn(within)).min(operation), operation)
}

/// Receives: never retried here, because the poll loop is the retry and has its own backoff.
/// Polls that never return are a known failure, so an attempt has an end, but only well after SQS should have answered.
pub(crate) fn receive(wait_time: Duration) -> Builder {
    let attempt = wait_time + Duration::from_secs(5);
    policy(1, attempt, attempt)
}

/// Deletes, changes of visibility, and sends to the invalid queue: a message in flight must be settled by its deadline.
/// After the deadline there is one short attempt, because a late release is better than none.
pub(crate) fn settle(deadline: Instant) -> Builder {
    let operation = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    policy(3, ATTEMPT.min(operation), operation)
}

fn policy(attempts: u32, attempt: Duration, operation: Duration) -> Builder {
    let retry = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(50));
    let timeout = TimeoutConfig::builder()
        // The same for all operations, because the client keeps a pool of connections per connect timeout.
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation);
    Config::builder().retry_config(retry).timeout_config(timeout.build())
}
