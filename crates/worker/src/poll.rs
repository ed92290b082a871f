//! Polls the queue, with one poll out when little comes and more as polls come back full.

use std::time::Duration;

use process::backoff::Backoff;
use queue::{Cause, Poll, Provision, Queue, SqsError};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bytes_in_hand::BytesInHand,
    handle::{Handler, InHand},
    health::Receiving,
};

/// How the queue is polled.
pub struct Pollers<'a> {
    pub provision: &'a Provision<'a>,
    pub poll: Poll,
    /// Polls out at the same time at the most.
    pub count: usize,
    pub receiving: &'a Receiving,
}

impl Pollers<'_> {
    /// Polls until `stop`, and returns when the last poll that was out has come back.
    pub async fn run(
        &self,
        handler: &Handler,
        bytes: &BytesInHand,
        received: mpsc::Sender<InHand>,
        stop: &CancellationToken,
    ) {
        let more = Notify::new();
        let each = (0..self.count).map(|number| {
            let poller = Poller { pollers: self, handler, bytes, received: received.clone(), more: &more, stop };
            poller.run(number == 0)
        });
        // Only the pollers hold the channel, which thereby closes with the last of them.
        let each: Vec<_> = each.collect();
        drop(received);
        futures_util::future::join_all(each).await;
    }
}

struct Poller<'a> {
    pollers: &'a Pollers<'a>,
    handler: &'a Handler,
    bytes: &'a BytesInHand,
    received: mpsc::Sender<InHand>,
    /// Somebody's poll came back full: one more may be worth it.
    more: &'a Notify,
    stop: &'a CancellationToken,
}

impl Poller<'_> {
    async fn run(self, is_first: bool) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        while self.may_poll(is_first).await {
            loop {
                let came = self.poll(&mut backoff).await;
                if is_first || came < usize::from(self.pollers.poll.max_messages) || self.stop.is_cancelled() {
                    break;
                }
            }
        }
    }

    /// False when it is time to stop.
    async fn may_poll(&self, is_first: bool) -> bool {
        let ready = async {
            if !is_first {
                self.more.notified().await;
            }
            self.handler.gate().opened().await;
            self.bytes.room().await;
        };
        self.stop.run_until_cancelled(ready).await.is_some() && !self.stop.is_cancelled()
    }

    /// One poll, which is always waited for. Returns how many messages came.
    async fn poll(&self, backoff: &mut Backoff) -> usize {
        match self.handler.queue().receive(&self.pollers.poll).await {
            Ok(deliveries) => {
                backoff.reset();
                self.pollers.receiving.works();
                let came = deliveries.len();
                if came == usize::from(self.pollers.poll.max_messages) {
                    self.more.notify_one();
                }
                for delivery in deliveries {
                    let bytes = self.bytes.hold(delivery.body_bytes());
                    let in_hand = InHand { delivery, since: Instant::now(), bytes };
                    // The other side is there for as long as this one.
                    let _ = self.received.send(in_hand).await;
                }
                came
            }
            Err(error) => {
                self.pollers.receiving.fails(&error);
                self.after(&error, backoff).await;
                0
            }
        }
    }

    async fn after(&self, error: &SqsError, backoff: &mut Backoff) {
        let queue: &Queue = self.handler.queue();
        log::error!("A poll failed. queue={} error=\"{error}\"", queue.name());
        let wait = match error.cause() {
            // A person has to act: a slow lane, and no hammering.
            Cause::Denied | Cause::MissingQueue => SLOW_LANE,
            Cause::Unavailable | Cause::TooLong | Cause::Refused => backoff.next_wait(),
        };
        if self.stop.run_until_cancelled(sleep(wait)).await.is_none() || error.cause() != Cause::MissingQueue {
            return;
        }
        // Found again, or created where that is allowed; its URL is the same as before.
        if let Err(error) = self.pollers.provision.pair().await {
            log::error!("The queue is still missing. queue={} error=\"{error}\"", queue.name());
        }
    }
}

/// How often a queue is asked that denies access or does not exist.
const SLOW_LANE: Duration = Duration::from_secs(15);
