//! Polls the queue, with one poll out when little comes and more as polls come back full.

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
    bytes_in_hand::BytesInHand,
    connections::Connections,
    handle::{Handler, InHand},
    health::Receiving,
};

/// How often a queue is asked that denies access or does not exist.
const SLOW_LANE: Duration = Duration::from_secs(15);

/// What the queue is polled with, and when it is not.
pub struct Pollers {
    pub handler: Handler,
    pub finder: QueueFinder,
    pub poll: Poll,
    /// Polls out at the same time at the most.
    pub count: usize,
    pub receiving: Arc<Receiving>,
    pub bytes: BytesInHand,
    pub connections: Connections,
    pub stop: CancellationToken,
}

impl Pollers {
    /// Polls until `stop`, and returns when the last poll that was out has come back.
    pub async fn run(self, received: mpsc::Sender<InHand>) {
        // Somebody's poll came back full: one more may be worth it.
        let (pollers, more) = (Arc::new(self), Arc::new(Notify::new()));
        // A task for each, so that what they bring is read on all cores.
        let mut tasks = JoinSet::new();
        for number in 0..pollers.count {
            let (pollers, received, more) =
                (Arc::clone(&pollers), received.clone(), Arc::clone(&more));
            tasks.spawn(async move { pollers.poll_on(number == 0, &received, &more).await });
        }
        drop(received);
        // A panic is in the log; the others go on.
        while tasks.join_next().await.is_some() {}
    }

    async fn poll_on(&self, is_first: bool, received: &mpsc::Sender<InHand>, more: &Notify) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        let mut came_full = is_first;
        loop {
            let ready = async {
                if !came_full {
                    more.notified().await;
                }
                self.ready().await;
            };
            if self.stop.run_until_cancelled(ready).await.is_none() || self.stop.is_cancelled() {
                return;
            }
            let came = self.poll_once(received, &mut backoff).await;
            let full = came == usize::from(self.poll.max_messages);
            if full {
                more.notify_one();
            }
            came_full = full || is_first;
        }
    }

    /// Returns when what would come could be stored.
    async fn ready(&self) {
        loop {
            self.handler.gate().opened().await;
            self.bytes.room().await;
            self.connections.uncongested().await;
            if self.handler.gate().is_open() {
                return;
            }
        }
    }

    /// One poll, which is always waited for. Returns how many messages came.
    async fn poll_once(&self, received: &mpsc::Sender<InHand>, backoff: &mut Backoff) -> usize {
        let deliveries = match self.handler.queue().receive(&self.poll).await {
            Ok(deliveries) => deliveries,
            Err(error) => {
                self.receiving.fails(&error);
                self.after(&error, backoff).await;
                return 0;
            }
        };
        backoff.reset();
        self.receiving.works();
        // From here on they are in hand, all of them, also those that wait for the channel.
        let since = Instant::now();
        let in_hand: Vec<InHand> = deliveries
            .into_iter()
            .map(|delivery| InHand {
                _bytes: self.bytes.hold(delivery.received.size(), since),
                delivery,
                since,
            })
            .collect();
        let came = in_hand.len();
        for message in in_hand {
            // The other side is there for as long as this one.
            let _ = received.send(message).await;
        }
        came
    }

    async fn after(&self, error: &SqsError, backoff: &mut Backoff) {
        let queue = self.handler.queue().name();
        log::error!("A poll failed. queue={queue} error=\"{error}\"");
        let wait = match error.cause() {
            // A person has to act: a slow lane, and no hammering.
            Cause::Denied | Cause::MissingQueue => SLOW_LANE,
            Cause::Unavailable | Cause::TooLong | Cause::Refused => backoff.next_wait(),
        };
        let waited = async {
            sleep(wait).await;
            // Found again, or created where that is allowed; its URL is the same as before.
            if error.cause() == Cause::MissingQueue
                && let Err(error) = self.finder.pair().await
            {
                log::error!("The queue is still missing. queue={queue} error=\"{error}\"");
            }
        };
        self.stop.run_until_cancelled(waited).await;
    }
}
