//! Polls the queue: one poll at a time while few messages come, more at the same time while polls
//! come back full.

use std::{sync::Arc, time::Duration};

use queue::{Cause, Delivery, Poll, Queue, SqsError};
use service::{backoff::Backoff, must_live::must_live};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    decode::decode_all,
    handle::Handler,
    in_flight::{Ages, Arrival},
    insert_permits::InsertPermits,
    metrics,
    room::{Reserved, Room},
};

/// How often the worker asks a queue that denies access or does not exist.
const SLOW_RETRY: Duration = Duration::from_secs(15);
/// The largest message that SQS takes, for a queue that does not report its limit.
const LARGEST_MESSAGE: usize = 1 << 20;
/// How long an additional poll waits for messages. It holds room that other form types may need.
const ADDITIONAL_WAIT: Duration = Duration::from_secs(1);
/// SQS gives a message up after 20 deliveries; a person should look before that.
const DELIVERED_OFTEN: u32 = 10;

/// The most bytes that one poll brings.
pub fn most_of_a_poll(queue: &Queue, poll: &Poll) -> usize {
    usize::from(poll.max_messages) * queue.max_message_size().unwrap_or(LARGEST_MESSAGE)
}

/// The pollers of one queue, and everything that holds them back.
pub struct Pollers {
    pub handler: Handler,
    pub poll: Poll,
    /// The maximum number of polls at the same time.
    pub count: usize,
    /// For the messages of all form types in memory.
    pub room: Room,
    /// For the messages of this form type that wait for a database connection.
    pub line: Room,
    pub ages: Ages,
    pub permits: InsertPermits,
    pub stop: CancellationToken,
}

impl Pollers {
    /// Polls until `stop`, and returns when the last open poll has come back.
    pub async fn run(self, received: mpsc::Sender<Arrival>) {
        // Notified when one more poller may be worth it.
        let (pollers, more) = (Arc::new(self), Arc::new(Notify::new()));
        // One task per poller, so that all cores share the work of parsing the messages.
        let mut tasks = JoinSet::new();
        for number in 0..pollers.count {
            let (pollers, received, more) =
                (Arc::clone(&pollers), received.clone(), Arc::clone(&more));
            tasks.spawn(must_live("poller", async move {
                pollers.poll_until_stop(number == 0, &received, &more).await;
            }));
        }
        drop(received);
        while tasks.join_next().await.is_some() {}
    }

    async fn poll_until_stop(
        &self,
        is_first: bool,
        received: &mpsc::Sender<Arrival>,
        more: &Notify,
    ) {
        let wait_time =
            if is_first { self.poll.wait_time } else { self.poll.wait_time.min(ADDITIONAL_WAIT) };
        let poll = Poll { wait_time, ..self.poll.clone() };
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        let mut polls_again = is_first;
        loop {
            let ready = async {
                if !polls_again {
                    more.notified().await;
                }
                self.room_for_a_poll().await
            };
            let Some(room) = self.stop.run_until_cancelled(ready).await else { return };
            if self.stop.is_cancelled() {
                return;
            }
            let count = self.poll_once(&poll, room, received, &mut backoff).await;
            // While many bytes wait for the database, more polls would only fill the memory.
            let is_worth_more = count == usize::from(poll.max_messages) && self.line.is_half_free();
            if is_worth_more {
                more.notify_one();
            }
            polls_again = is_worth_more || is_first;
        }
    }

    /// Waits until messages can be stored, and gives room for the most that one poll brings.
    async fn room_for_a_poll(&self) -> Reserved {
        let most = most_of_a_poll(self.handler.queue(), &self.poll);
        loop {
            self.handler.gate.wait_until_open().await;
            // The time without polls while the gate was shut does not count.
            self.handler.status.record_progress();
            self.permits.wait_while_congested().await;
            self.handler.status.record_progress();
            let room = self.room.reserve(most).await;
            if self.handler.gate.is_open() {
                return room;
            }
        }
    }

    /// Polls once and always waits for the answer. Returns the number of messages.
    async fn poll_once(
        &self,
        poll: &Poll,
        mut room: Reserved,
        received: &mpsc::Sender<Arrival>,
        backoff: &mut Backoff,
    ) -> usize {
        let Handler { status, .. } = &self.handler;
        status.record_progress();
        let result = self.handler.queue().receive(poll).await;
        status.record_poll(result.as_ref().map(drop));
        let deliveries = match result {
            Ok(deliveries) => deliveries,
            Err(error) => {
                drop(room);
                self.wait_after_failure(&error, backoff).await;
                return 0;
            }
        };
        backoff.reset();
        // From here on all of them are in flight, including those that wait for a place in the
        // line.
        let arrived_at = Instant::now();
        let count = deliveries.len();
        let held: Vec<_> =
            deliveries.iter().map(|delivery| room.hold(delivery.received.size())).collect();
        // What the poll did not bring is free for others.
        drop(room);
        self.record_delivered_often(&deliveries);
        let decoded = decode_all(deliveries, &self.handler.form_type).await;
        let arrivals: Vec<_> = decoded
            .into_iter()
            .zip(held)
            .map(|((delivery, form), held)| {
                Arrival::new(delivery, form, arrived_at, held, &self.ages)
            })
            .collect();
        for mut arrival in arrivals {
            arrival.place = Some(self.line.reserve(arrival.bytes).await);
            // The receiver lives as long as this sender.
            let _ = received.send(arrival).await;
        }
        count
    }

    fn record_delivered_often(&self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let Some(receive_count) = delivery.receive_count.filter(|n| *n >= DELIVERED_OFTEN)
            else {
                continue;
            };
            let form_type = self.handler.form_type.name();
            metrics::count_delivered_often(form_type);
            let message_id = &delivery.received.message_id;
            log::warn!(
                message_id, form_type, receive_count;
                "SQS has delivered a message often, and gives it up after 20 times."
            );
        }
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
                && let Err(error) = self.handler.finder.pair().await
            {
                log::error!(queue, error:% = error; "The queue is still missing.");
            }
        };
        self.stop.run_until_cancelled(waited).await;
    }
}
