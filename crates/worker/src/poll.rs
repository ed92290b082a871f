//! Polls the queue: one poll at a time while few messages come, more at the same time while polls
//! come back full.

use std::{sync::Arc, time::Duration};

use queue::{Cause, Poll, QueueFinder, SqsError};
use service::backoff::Backoff;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    handle::Handler,
    health::PollStatus,
    in_flight::{BytesInFlight, InFlight},
    insert_permits::InsertPermits,
};

/// How often the worker asks a queue that denies access or does not exist.
const SLOW_RETRY: Duration = Duration::from_secs(15);

/// The pollers of one queue, and everything that holds them back.
pub struct Pollers {
    pub handler: Handler,
    pub finder: QueueFinder,
    pub poll: Poll,
    /// The maximum number of polls at the same time.
    pub count: usize,
    pub poll_status: Arc<PollStatus>,
    pub bytes: BytesInFlight,
    pub permits: InsertPermits,
    pub stop: CancellationToken,
}

impl Pollers {
    /// Polls until `stop`, and returns when the last open poll has come back.
    pub async fn run(self, received: mpsc::Sender<InFlight>) {
        // Notified when a poll came back full, because one more poller may then be worth it.
        let (pollers, more) = (Arc::new(self), Arc::new(Notify::new()));
        // One task per poller, so that all cores share the work of parsing the messages.
        let mut tasks = JoinSet::new();
        for number in 0..pollers.count {
            let (pollers, received, more) =
                (Arc::clone(&pollers), received.clone(), Arc::clone(&more));
            tasks
                .spawn(async move { pollers.poll_until_stop(number == 0, &received, &more).await });
        }
        drop(received);
        // The panic hook has logged any panic; the other pollers go on.
        while tasks.join_next().await.is_some() {}
    }

    async fn poll_until_stop(
        &self,
        is_first: bool,
        received: &mpsc::Sender<InFlight>,
        more: &Notify,
    ) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        let mut polls_again = is_first;
        loop {
            let ready = async {
                if !polls_again {
                    more.notified().await;
                }
                self.wait_until_messages_can_be_stored().await;
            };
            if self.stop.run_until_cancelled(ready).await.is_none() || self.stop.is_cancelled() {
                return;
            }
            let count = self.poll_once(received, &mut backoff).await;
            let full = count == usize::from(self.poll.max_messages);
            if full {
                more.notify_one();
            }
            polls_again = full || is_first;
        }
    }

    async fn wait_until_messages_can_be_stored(&self) {
        loop {
            self.handler.gate().wait_until_open().await;
            self.bytes.wait_for_room().await;
            self.permits.wait_while_congested().await;
            if self.handler.gate().is_open() {
                return;
            }
        }
    }

    /// Polls once and always waits for the answer. Returns the number of messages.
    async fn poll_once(&self, received: &mpsc::Sender<InFlight>, backoff: &mut Backoff) -> usize {
        let deliveries = match self.handler.queue().receive(&self.poll).await {
            Ok(deliveries) => deliveries,
            Err(error) => {
                self.poll_status.record_failure(&error);
                self.wait_after_failure(&error, backoff).await;
                return 0;
            }
        };
        backoff.reset();
        self.poll_status.record_success();
        // From here on all of them are in flight, including those that wait for room in the
        // channel.
        let arrived_at = Instant::now();
        let messages: Vec<InFlight> = deliveries
            .into_iter()
            .map(|delivery| InFlight::new(delivery, arrived_at, &self.bytes))
            .collect();
        let count = messages.len();
        for message in messages {
            // The receiver lives as long as this sender.
            let _ = received.send(message).await;
        }
        count
    }

    async fn wait_after_failure(&self, error: &SqsError, backoff: &mut Backoff) {
        let queue = self.handler.queue().name();
        log::error!(queue, error:% = error; "A poll failed.");
        let wait = match error.cause() {
            // Only a person can fix this, so asking often would not help.
            Cause::Denied | Cause::MissingQueue => SLOW_RETRY,
            Cause::Unavailable | Cause::TooLong | Cause::Refused => backoff.next_wait(),
        };
        let waited = async {
            sleep(wait).await;
            // Finds the queue again, or creates it if the settings allow that; its URL is the same
            // as before.
            if error.cause() == Cause::MissingQueue
                && let Err(error) = self.finder.pair().await
            {
                log::error!(queue, error:% = error; "The queue is still missing.");
            }
        };
        self.stop.run_until_cancelled(waited).await;
    }
}
