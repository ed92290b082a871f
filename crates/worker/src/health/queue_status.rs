//! The queue of a form type, and how the last polls and deletes went.

use std::time::Duration;

use parking_lot::Mutex;
use queue::{Cause, Queue, Settled, SqsError};
use tokio::time::Instant;

use crate::metrics;

/// A poll ends within 25 s, and messages in flight hold up the next one for less than that.
const POLLS_WITHIN: Duration = Duration::from_secs(60);
/// Readiness turns red when nothing but failed deletes was seen for this long.
const DELETES_FAIL_FOR: Duration = Duration::from_secs(60);

/// Failures further apart do not belong together: another delivery was deleted elsewhere meanwhile.
const FORGET_AFTER: Duration = Duration::from_secs(300);

/// The queue of a form type, and how the last polls and deletes went.
pub struct QueueStatus {
    form_type: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: Option<Queue>,
    /// Why the last poll failed.
    poll_fault: Option<&'static str>,
    /// When a poll last began or ended.
    last_poll: Option<Instant>,
    failed_deletes: Option<FailedDeletes>,
}

/// Deletes that failed, with none in between that succeeded.
struct FailedDeletes {
    first: Instant,
    last: Instant,
    cause: Cause,
}

impl QueueStatus {
    pub fn new(form_type: &str) -> Self {
        metrics::start_at_zero(form_type);
        Self { form_type: form_type.to_owned(), state: Mutex::default() }
    }

    pub fn record_queue(&self, queue: &Queue) {
        let mut state = self.state.lock();
        state.queue = Some(queue.clone());
        state.last_poll = Some(Instant::now());
    }

    pub fn queue(&self) -> Option<Queue> {
        self.state.lock().queue.clone()
    }

    /// Records that a poll is about to begin.
    pub fn record_progress(&self) {
        self.state.lock().last_poll = Some(Instant::now());
    }

    /// Records the end of a poll.
    pub fn record_poll(&self, result: Result<(), &SqsError>) {
        let mut state = self.state.lock();
        state.poll_fault = result.err().map(|error| error.cause().in_words());
        state.last_poll = Some(Instant::now());
        queue::metrics::record_queue_up(&self.form_type, state.poll_fault.is_none());
    }

    /// Records the results of deletes.
    pub fn record_deletes(&self, settled: &[Settled]) {
        let failure = settled.iter().find_map(|outcome| match outcome {
            Settled::Failed(error) => Some(error.cause()),
            Settled::Done | Settled::Stale => None,
        });
        // A stale delivery shows that SQS takes deletes.
        let some_succeeded =
            settled.iter().any(|outcome| matches!(outcome, Settled::Done | Settled::Stale));
        self.state.lock().record_deletes(failure, some_succeeded, Instant::now());
    }

    /// Why the worker cannot do its work with this queue, if it cannot. While the gate is shut it
    /// does not poll.
    pub fn fault(&self, gate_is_open: bool) -> Option<&'static str> {
        self.state.lock().fault(gate_is_open, Instant::now())
    }
}

impl State {
    fn record_deletes(&mut self, failure: Option<Cause>, some_succeeded: bool, now: Instant) {
        match (failure, &mut self.failed_deletes) {
            _ if some_succeeded => self.failed_deletes = None,
            (None, _) => {}
            (Some(cause), Some(failed)) if now - failed.last < FORGET_AFTER => {
                (failed.last, failed.cause) = (now, cause);
            }
            (Some(cause), failed) => *failed = Some(FailedDeletes { first: now, last: now, cause }),
        }
    }

    fn fault(&self, gate_is_open: bool, now: Instant) -> Option<&'static str> {
        let polls_have_ceased = || {
            let is_long_ago = now.saturating_duration_since(self.last_poll?) > POLLS_WITHIN;
            (gate_is_open && is_long_ago).then_some("the worker has not polled for a minute")
        };
        let deletes_fail = || {
            let FailedDeletes { first, last, cause } = self.failed_deletes.as_ref()?;
            let go_on = now.saturating_duration_since(*last) < FORGET_AFTER;
            (go_on && *last - *first >= DELETES_FAIL_FOR).then(|| deletes_fail_because(*cause))
        };
        self.poll_fault.or_else(polls_have_ceased).or_else(deletes_fail)
    }
}

fn deletes_fail_because(cause: Cause) -> &'static str {
    match cause {
        Cause::Denied => "messages cannot be deleted: access is denied",
        Cause::MissingQueue => "messages cannot be deleted: the queue does not exist",
        Cause::Unavailable => "messages cannot be deleted: SQS is not available",
        Cause::TooLong | Cause::Refused => "messages cannot be deleted: SQS refuses it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn polls_that_have_ceased_are_a_fault_unless_the_gate_is_shut() {
        let now = Instant::now();
        let state = State { last_poll: Some(now), ..State::default() };
        assert_eq!(state.fault(true, now + seconds(60)), None);
        let fault = state.fault(true, now + seconds(61));
        assert_eq!(fault, Some("the worker has not polled for a minute"));
        assert_eq!(state.fault(false, now + seconds(61)), None);
        assert_eq!(State::default().fault(true, now), None, "no queue was found yet");
    }

    #[test]
    fn deletes_that_fail_for_a_minute_are_a_fault_until_one_succeeds() {
        let (failed, now) = (Some(Cause::Denied), Instant::now());
        let mut state = State::default();
        state.record_deletes(failed, false, now);
        state.record_deletes(None, false, now + seconds(30));
        assert_eq!(state.fault(true, now + seconds(300)), None, "one failure, and idle since");
        state.record_deletes(failed, false, now + seconds(61));
        let fault = Some("messages cannot be deleted: access is denied");
        assert_eq!(state.fault(true, now + seconds(61)), fault);
        state.record_deletes(failed, true, now + seconds(62));
        assert_eq!(state.fault(true, now + seconds(62)), None, "some were deleted");
        state.record_deletes(failed, false, now + seconds(63));
        assert_eq!(state.fault(true, now + seconds(63)), None, "it starts over");
        state.record_deletes(failed, false, now + seconds(500));
        assert_eq!(state.fault(true, now + seconds(500)), None, "too rare to belong together");
        state.record_deletes(failed, false, now + seconds(561));
        assert_eq!(state.fault(true, now + seconds(561)), fault);
        assert_eq!(state.fault(true, now + seconds(900)), None, "nothing has been deleted since");
    }
}
