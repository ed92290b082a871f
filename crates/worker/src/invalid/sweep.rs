//! Goes through the invalid queue once, holds what it meets so that it does not come again, and gives it back at the end.

use std::{collections::HashMap, io, time::Duration};

use futures_util::future::join_all;
use indicatif::ProgressBar;
use queue::{Cause, Delivery, Poll, Queue, ReceiptHandle, Settled, SqsError};
use service::backoff::Backoff;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a message is hidden from others when this process is killed and cannot give it back.
/// A queue of the most messages is gone through in less.
const HIDDEN_FOR: Duration = Duration::from_secs(300);
/// SQS takes 120,000 in flight, and what is noted of so many takes some 100 MB.
const MOST: usize = 100_000;
/// Polls side by side when there is much; each brings ten messages.
const POLLS: usize = 4;
/// Long enough to ask all of SQS's servers, which a poll without a wait does not.
const WAIT: Duration = Duration::from_secs(1);
/// Messages that were seen come again when they were hidden for too short a time, or for no reason at all.
const ROUNDS_WITHOUT_NEW: u32 = 10;
/// Failures in a row that are taken for a bad moment.
const FAILURES: u32 = 4;
/// What one call of many entries may take.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
/// Released in one go: 25 calls side by side.
const RELEASED_TOGETHER: usize = 250;

/// One way through the queue. [`Sweep::end`] gives back what it holds and must be called, whatever happens.
pub struct Sweep<'a> {
    queue: &'a Queue,
    stop: &'a CancellationToken,
    bar: ProgressBar,
    /// Each message that was met, by its id; `None` where it is deleted.
    met: HashMap<String, Option<ReceiptHandle>>,
    came_full: bool,
    end: End,
}

/// Why there is no next.
#[derive(Debug)]
pub enum End {
    /// The queue has no more to give, or the caller wants no more.
    Through,
    /// More would be too much at once.
    Most,
    /// Only messages came that were seen before, so that there may be others behind them.
    SeenBefore,
    /// Somebody wants it to stop.
    Stopped,
    /// SQS does not answer.
    Failed(SqsError),
}

impl<'a> Sweep<'a> {
    pub fn new(queue: &'a Queue, stop: &'a CancellationToken, bar: ProgressBar) -> Self {
        Self { queue, stop, bar, met: HashMap::new(), came_full: false, end: End::Through }
    }

    /// Messages that were not seen before, held from now on; `None` when that is all.
    pub async fn next(&mut self) -> Option<Vec<Delivery>> {
        let mut rounds_without_new = 0;
        let mut failures = 0;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        self.end = loop {
            if self.stop.is_cancelled() {
                break End::Stopped;
            }
            if self.met.len() >= MOST {
                break End::Most;
            }
            let (deliveries, failure) = self.round().await;
            let nothing_came = deliveries.is_empty();
            let fresh: Vec<Delivery> =
                deliveries.into_iter().filter_map(|delivery| self.hold(delivery)).collect();
            if !fresh.is_empty() {
                self.bar.inc(fresh.len() as u64);
                return Some(fresh);
            }
            match failure {
                Some(error) if error.cause() != Cause::Unavailable || failures == FAILURES => {
                    break End::Failed(error);
                }
                Some(_) => {
                    failures += 1;
                    sleep(backoff.next_wait()).await;
                }
                None if nothing_came => break End::Through,
                None if rounds_without_new == ROUNDS_WITHOUT_NEW => break End::SeenBefore,
                None => rounds_without_new += 1,
            }
        };
        None
    }

    /// One poll when little came before, more side by side when it was full. Each of them is waited for.
    async fn round(&mut self) -> (Vec<Delivery>, Option<SqsError>) {
        let poll = Poll { wait_time: WAIT, max_messages: 10, visibility_timeout: HIDDEN_FOR };
        let polls = if self.came_full { POLLS } else { 1 };
        let mut deliveries = Vec::new();
        let mut failure = None;
        for answer in join_all((0..polls).map(|_| self.queue.receive(&poll))).await {
            match answer {
                Ok(some) => deliveries.extend(some),
                Err(error) => failure = Some(error),
            }
        }
        self.came_full = deliveries.len() >= usize::from(poll.max_messages);
        (deliveries, failure)
    }

    /// The message, where it is new. The latest receipt handle is the one that counts.
    fn hold(&mut self, delivery: Delivery) -> Option<Delivery> {
        let message_id = delivery.received.message_id.clone();
        let before = self.met.insert(message_id, Some(delivery.receipt_handle.clone()));
        before.is_none().then_some(delivery)
    }

    /// Deletes messages that are held; how many could not be.
    pub async fn delete(&mut self, message_ids: &[String]) -> usize {
        let held = message_ids.iter().filter_map(|id| Some((id, self.met.get(id)?.clone()?)));
        let (ids, handles): (Vec<_>, Vec<_>) = held.unzip();
        let settled = self.queue.delete(&handles, Instant::now() + SETTLE_WITHIN).await;
        let mut deleted = 0;
        for (id, settled) in ids.into_iter().zip(settled) {
            match settled {
                Settled::Done => {
                    deleted += 1;
                    self.met.insert(id.clone(), None);
                }
                Settled::Stale => {
                    log::warn!("A message was no longer held and is not deleted. message_id={id}")
                }
                Settled::Failed(error) => {
                    log::warn!("A message could not be deleted. message_id={id} error=\"{error}\"");
                }
            }
        }
        message_ids.len() - deleted
    }

    /// Makes visible what is held, and says how it ended.
    ///
    /// # Errors
    /// It was stopped, or SQS failed.
    pub async fn end(self) -> io::Result<End> {
        let held: Vec<_> =
            self.met.into_values().flatten().map(|handle| (handle, Duration::ZERO)).collect();
        self.bar.set_message("Making visible again");
        let mut left = held.len();
        for some in held.chunks(RELEASED_TOGETHER) {
            let settled = self.queue.release(some, Instant::now() + SETTLE_WITHIN).await;
            let failed =
                settled.iter().filter(|settled| matches!(settled, Settled::Failed(_))).count();
            left -= some.len() - failed;
            if failed == some.len() {
                // SQS does not answer: the others would fare no better.
                break;
            }
        }
        self.bar.finish_and_clear();
        if left > 0 {
            let seconds = HIDDEN_FOR.as_secs();
            log::warn!(
                "Messages could not be released, and stay hidden until then. messages={left} seconds={seconds}"
            );
        }
        match self.end {
            End::Failed(error) => Err(super::of_queue(self.queue.name())(error)),
            End::Stopped => {
                Err(io::Error::new(io::ErrorKind::Interrupted, "stopped before the end"))
            }
            end @ (End::Through | End::Most | End::SeenBefore) => Ok(end),
        }
    }
}
