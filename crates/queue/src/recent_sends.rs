//! How the last send went, so that the readiness check need not ask SQS.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::{Cause, SqsError};

/// When a send of this process last worked and when one last failed. Clones share it.
#[derive(Clone, Default)]
pub struct RecentSends(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    worked: Option<Instant>,
    failed: Option<(Instant, Cause)>,
}

/// How the latest send within some time went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatestSend {
    /// SQS took a message, or refused one because of the message itself.
    Worked,
    /// No message could be sent.
    Failed(Cause),
    /// There was none.
    None,
}

impl RecentSends {
    /// How the latest send went, if it ended within this time.
    pub fn latest(&self, within: Duration) -> LatestSend {
        self.0.lock().latest(Instant::now(), within)
    }

    /// Records a call by the results of its messages.
    pub(crate) fn record(&self, results: &[Result<(), SqsError>]) {
        self.0.lock().record(Instant::now(), results);
    }
}

impl Times {
    fn latest(&self, now: Instant, within: Duration) -> LatestSend {
        let is_recent = |at: Instant| now.duration_since(at) < within;
        let worked = self.worked.filter(|at| is_recent(*at));
        let failed = self.failed.filter(|(at, _)| is_recent(*at));
        match (worked, failed) {
            (Some(worked), Some((failed, cause))) if failed > worked => LatestSend::Failed(cause),
            (Some(_), _) => LatestSend::Worked,
            (None, Some((_, cause))) => LatestSend::Failed(cause),
            (None, None) => LatestSend::None,
        }
    }

    fn record(&mut self, now: Instant, results: &[Result<(), SqsError>]) {
        let outage = |result: &Result<(), SqsError>| {
            let cause = result.as_ref().err()?.cause();
            // In these cases SQS works, and judges the message.
            Some(cause).filter(|cause| !matches!(cause, Cause::TooLong | Cause::Refused))
        };
        let Some(first) = results.first() else { return };
        match outage(first).filter(|_| results.iter().all(|result| outage(result).is_some())) {
            Some(cause) => self.failed = Some((now, cause)),
            None => self.worked = Some(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_send_counts_until_it_is_too_long_ago() {
        let (mut times, within) = (Times::default(), Duration::from_secs(10));
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let error = |cause| Err(SqsError::new("SendMessageBatch", cause, "a test"));
        assert_eq!(times.latest(at(0), within), LatestSend::None);
        for (second, results, latest) in [
            (1, vec![error(Cause::Denied)], LatestSend::Failed(Cause::Denied)),
            (2, vec![error(Cause::Unavailable), Ok(())], LatestSend::Worked),
            (3, vec![error(Cause::Unavailable)], LatestSend::Failed(Cause::Unavailable)),
            (4, vec![error(Cause::TooLong)], LatestSend::Worked),
        ] {
            times.record(at(second), &results);
            assert_eq!(times.latest(at(second), within), latest, "{results:?}");
        }
        assert_eq!(times.latest(at(13), within), LatestSend::Worked);
        assert_eq!(times.latest(at(14), within), LatestSend::None);
    }
}
