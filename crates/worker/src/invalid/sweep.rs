//! Goes through the invalid queue once. It keeps each message it receives hidden, so that the
//! message does not come again, and makes all of them visible at the end.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, bail};
use futures_util::future::join_all;
use indicatif::ProgressBar;
use queue::{Cause, Delivery, Poll, Queue, ReceiptHandle, Settled, SqsError};
use service::backoff::Backoff;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a message stays hidden from others if this process is killed and cannot release it.
/// A sweep of `MAX_MESSAGES` takes less time.
const HIDDEN_FOR: Duration = Duration::from_secs(300);
/// SQS allows 120,000 messages in flight, and the notes about 100,000 messages take some 100 MB.
const MAX_MESSAGES: usize = 100_000;
/// Polls at the same time while many messages come; each brings up to ten.
const POLLS: usize = 4;
/// Long enough for SQS to ask all of its servers, which it does not do for a poll without a wait.
const POLL_WAIT: Duration = Duration::from_secs(1);
/// The sweep goes on after this many polls in a row that bring only known messages. Known messages come again
/// if they were hidden for too short a time, or for no reason at all.
const MAX_POLLS_WITHOUT_NEW: u32 = 10;
/// The sweep goes on after this many failures in a row, because they may pass.
const MAX_FAILURES: u32 = 4;
/// The time limit of one call with many entries.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
/// Messages released together, in 25 calls at the same time.
const RELEASED_TOGETHER: usize = 250;

/// One sweep of the queue. Call [`Sweep::finish`] in every case: it releases the messages.
pub struct Sweep<'a> {
    queue: &'a Queue,
    stop: &'a CancellationToken,
    bar: ProgressBar,
    /// The receipt handle of each message received so far, by message id; `None` if the message is
    /// deleted.
    held: HashMap<String, Option<ReceiptHandle>>,
    last_poll_was_full: bool,
    end: End,
}

/// Why the sweep brings no more messages.
#[derive(Debug)]
pub enum End {
    /// The queue has no more messages, or the caller wants no more.
    Complete,
    /// The sweep holds `MAX_MESSAGES`.
    TooMany,
    /// Only known messages came. There may be others behind them.
    OnlyKnown,
    /// The process was asked to stop.
    Stopped,
    /// SQS kept failing.
    Failed(SqsError),
}

impl<'a> Sweep<'a> {
    pub fn new(queue: &'a Queue, stop: &'a CancellationToken, bar: ProgressBar) -> Self {
        Self {
            queue,
            stop,
            bar,
            held: HashMap::new(),
            last_poll_was_full: false,
            end: End::Complete,
        }
    }

    /// Messages that this sweep has not seen before; `None` at the end. They stay hidden from
    /// others.
    pub async fn next(&mut self) -> Option<Vec<Delivery>> {
        let mut polls_without_new = 0;
        let mut failures = 0;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        self.end = loop {
            if self.stop.is_cancelled() {
                break End::Stopped;
            }
            if self.held.len() >= MAX_MESSAGES {
                break End::TooMany;
            }
            let (deliveries, failure) = self.poll().await;
            let nothing_came = deliveries.is_empty();
            let new: Vec<Delivery> =
                deliveries.into_iter().filter_map(|delivery| self.hold(delivery)).collect();
            if !new.is_empty() {
                self.bar.inc(new.len() as u64);
                return Some(new);
            }
            match failure {
                Some(error) if error.cause() != Cause::Unavailable || failures == MAX_FAILURES => {
                    break End::Failed(error);
                }
                Some(_) => {
                    failures += 1;
                    sleep(backoff.next_wait()).await;
                }
                None if nothing_came => break End::Complete,
                None if polls_without_new == MAX_POLLS_WITHOUT_NEW => break End::OnlyKnown,
                None => polls_without_new += 1,
            }
        };
        None
    }

    /// Polls once, or several times at the same time if the last poll was full. Waits for all
    /// answers.
    async fn poll(&mut self) -> (Vec<Delivery>, Option<SqsError>) {
        let poll = Poll { wait_time: POLL_WAIT, max_messages: 10, visibility_timeout: HIDDEN_FOR };
        let polls = if self.last_poll_was_full { POLLS } else { 1 };
        let mut deliveries = Vec::new();
        let mut failure = None;
        for answer in join_all((0..polls).map(|_| self.queue.receive(&poll))).await {
            match answer {
                Ok(some) => deliveries.extend(some),
                Err(error) => failure = Some(error),
            }
        }
        self.last_poll_was_full = deliveries.len() >= usize::from(poll.max_messages);
        (deliveries, failure)
    }

    /// Returns the message if it is new. Keeps the latest receipt handle, because only that one is
    /// valid.
    fn hold(&mut self, delivery: Delivery) -> Option<Delivery> {
        let message_id = delivery.received.message_id.clone();
        let before = self.held.insert(message_id, Some(delivery.receipt_handle.clone()));
        before.is_none().then_some(delivery)
    }

    /// Deletes messages of this sweep. Returns how many could not be deleted.
    pub async fn delete(&mut self, message_ids: &[String]) -> usize {
        let held = message_ids.iter().filter_map(|id| Some((id, self.held.get(id)?.clone()?)));
        let (ids, handles): (Vec<_>, Vec<_>) = held.unzip();
        let settled = self.queue.delete(&handles, Instant::now() + SETTLE_WITHIN).await;
        let mut deleted = 0;
        for (message_id, settled) in ids.into_iter().zip(settled) {
            match settled {
                Settled::Done => {
                    deleted += 1;
                    self.held.insert(message_id.clone(), None);
                }
                Settled::Stale => {
                    log::warn!(message_id; "A message was not deleted: its receipt handle had expired.")
                }
                Settled::Failed(error) => {
                    log::warn!(message_id, error:% = error; "A message could not be deleted.")
                }
            }
        }
        message_ids.len() - deleted
    }

    /// Makes the messages visible again and returns why the sweep ended.
    ///
    /// # Errors
    /// The process was asked to stop, or SQS failed.
    pub async fn finish(self) -> anyhow::Result<End> {
        let held: Vec<_> =
            self.held.into_values().flatten().map(|handle| (handle, Duration::ZERO)).collect();
        self.bar.set_message("Making visible again");
        let mut hidden = held.len();
        for some in held.chunks(RELEASED_TOGETHER) {
            let settled = self.queue.release(some, Instant::now() + SETTLE_WITHIN).await;
            let failed =
                settled.iter().filter(|settled| matches!(settled, Settled::Failed(_))).count();
            hidden -= some.len() - failed;
            if failed == some.len() {
                // SQS does not answer, and the other calls would fail too.
                break;
            }
        }
        self.bar.finish_and_clear();
        if hidden > 0 {
            log::warn!(
                messages = hidden, seconds = HIDDEN_FOR.as_secs();
                "Messages could not be released. They stay hidden for up to this time."
            );
        }
        match self.end {
            End::Failed(error) => {
                Err(error).with_context(|| format!("queue {}", self.queue.name()))
            }
            End::Stopped => bail!("stopped before the end"),
            end @ (End::Complete | End::TooMany | End::OnlyKnown) => Ok(end),
        }
    }
}
