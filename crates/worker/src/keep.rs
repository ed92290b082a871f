//! Keeps the messages of an invalid queue in PostgreSQL, because SQS deletes them after 14 days at
//! most.
//!
//! This never holds up storing: each form type has one poll of a few messages, of all form types
//! one message at a time is kept, and a failure ends in a wait of this loop alone.

mod obstacle;
mod waiting;

use std::{sync::Arc, time::Duration};

use domain::InvalidMessage;
use queue::{Cause, Delivery, Poll, Queue, QueueFinder, ReceiptHandle, Settled};
use service::backoff::Backoff;
use store::{Keeping, Store, Unavailable, UnavailableKind};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::obstacle::{Obstacle, Reports};
use crate::{
    caught::caught,
    database_gate::DatabaseGate,
    handle::{INSERT_WITHIN, START_WITHIN},
    metrics::invalid,
    settle::delay,
};

pub use self::waiting::{NewlyKept, keep_counting};

/// The most that one poll may bring, in bytes. At least one message fits in any case.
const BYTES_OF_A_POLL: usize = 2 << 20;
/// The largest message that SQS takes, for a queue that does not report its limit.
const LARGEST_MESSAGE: usize = 1 << 20;
/// After five failures, the message itself is probably the cause.
const FAILS_OFTEN: u32 = 5;
/// The time limit of the calls that settle the messages of one poll.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

/// What the keepers of all form types share.
#[derive(Clone)]
pub struct Turns {
    /// One connection to the database is enough for messages that nobody waits for.
    turn: Arc<Semaphore>,
    pub newly_kept: NewlyKept,
}

impl Default for Turns {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), newly_kept: NewlyKept::default() }
    }
}

/// Keeps the messages of one form type's invalid queue.
pub struct Keeper {
    pub form_type: String,
    pub queue: Queue,
    pub finder: QueueFinder,
    pub store: Store,
    pub gate: DatabaseGate,
    pub turns: Turns,
    pub poll: Poll,
    pub stop: CancellationToken,
}

/// The deliveries of one poll, sorted by how they are settled.
#[derive(Default)]
struct Settling {
    to_delete: Vec<ReceiptHandle>,
    to_release: Vec<(ReceiptHandle, Duration)>,
}

impl Keeper {
    /// Keeps messages until `stop`, and returns when the open poll has come back and is settled.
    pub async fn run(self) {
        invalid::start_at_zero(&self.form_type);
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let mut reports = Reports::new(&self.form_type, self.queue.name());
        let mut may_keep = false;
        loop {
            let open = self.stop.run_until_cancelled(self.gate.wait_until_open()).await;
            if open.is_none() || self.stop.is_cancelled() {
                return;
            }
            match self.poll_and_keep(&mut may_keep).await {
                Ok(()) => {
                    backoff.reset();
                    reports.none();
                }
                Err(obstacle) => {
                    // Before the next poll, ask the database: each delivery counts.
                    may_keep = false;
                    reports.report(&obstacle);
                    let wait = obstacle.wait().unwrap_or_else(|| backoff.next_wait());
                    self.stop.run_until_cancelled(self.wait_after(&obstacle, wait)).await;
                }
            }
        }
    }

    async fn wait_after(&self, obstacle: &Obstacle, wait: Duration) {
        sleep(wait).await;
        // Finds the queue again, or creates it if the settings allow that.
        if obstacle.is_missing_queue()
            && let Err(error) = self.finder.pair().await
        {
            log::debug!(queue = self.queue.name(), error:% = error; "The queue is still missing.");
        }
    }

    async fn poll_and_keep(&self, may_keep: &mut bool) -> Result<(), Obstacle> {
        if !*may_keep {
            self.ask_for_right().await?;
            *may_keep = true;
        }
        let poll = Poll { max_messages: messages_of_a_poll(&self.queue), ..self.poll.clone() };
        let deliveries = self.queue.receive(&poll).await.map_err(Obstacle::Receive)?;
        let mut settling = Settling::default();
        let mut obstacle = None;
        for delivery in deliveries {
            let handle = delivery.receipt_handle.clone();
            if obstacle.is_some() || self.stop.is_cancelled() {
                invalid::count_kept(&self.form_type, "released", None);
                settling.to_release.push((handle, delay::soon()));
                continue;
            }
            let receive_count = delivery.receive_count.unwrap_or(1);
            match self.keep(delivery).await {
                Ok(()) => settling.to_delete.push(handle),
                Err(Failure::OfMessage) => {
                    settling.to_release.push((handle, delay_after(receive_count)));
                }
                Err(Failure::OfAll(of_all)) => {
                    invalid::count_kept(&self.form_type, "released", None);
                    settling.to_release.push((handle, delay::soon()));
                    obstacle = Some(of_all);
                }
            }
        }
        let settled = self.settle(settling).await;
        obstacle.map_or(settled, Err)
    }

    async fn ask_for_right(&self) -> Result<(), Obstacle> {
        let store = self.store.clone();
        match timeout(INSERT_WITHIN, spawn_blocking(move || store.may_keep_invalid())).await {
            Ok(Ok(Ok(true))) => Ok(()),
            Ok(Ok(Ok(false))) => Err(Obstacle::Function),
            Ok(Ok(Err(unavailable))) => Err(Obstacle::Database(Some(unavailable))),
            Ok(Err(_)) | Err(_) => Err(Obstacle::Database(None)),
        }
    }

    async fn probe(&self) -> Result<(), Obstacle> {
        let store = self.store.clone();
        match timeout(INSERT_WITHIN, spawn_blocking(move || store.probe())).await {
            Ok(Ok(result)) => result.map_err(|unavailable| Obstacle::Database(Some(unavailable))),
            Ok(Err(_)) | Err(_) => Err(Obstacle::Database(None)),
        }
    }

    async fn keep(&self, delivery: Delivery) -> Result<(), Failure> {
        let Delivery { received, receive_count, .. } = delivery;
        let message_id = received.message_id.clone();
        let read = caught(|| {
            let traceparent = received.traceparent().map(str::to_owned);
            (traceparent, Arc::new(InvalidMessage::from_received(received, &self.form_type)))
        });
        let Some((traceparent, message)) = read else {
            self.count_failure(receive_count);
            log::error!(
                message_id, form_type = self.form_type, receive_count;
                "A message of the invalid queue cannot be read, and is released: this is a bug in the program."
            );
            return Err(Failure::OfMessage);
        };
        let submission_id = message.submission_id.map(|id| id.to_string());
        let (form_type, reason) = (self.form_type.as_str(), message.reason_code());
        match self.store(&message).await {
            Ok(keeping) => {
                invalid::count_kept(form_type, keeping.code(), Some(reason));
                let is_news = matches!(keeping, Keeping::Kept | Keeping::CameBack);
                if is_news {
                    self.turns.newly_kept.tell();
                }
                log::log!(
                    if is_news { log::Level::Warn } else { log::Level::Info },
                    message_id, submission_id, traceparent, form_type, reason, outcome = keeping.code();
                    "Took a message from the invalid queue into the database."
                );
                Ok(())
            }
            Err(Obstacle::Message(unavailable)) => {
                self.count_failure(receive_count);
                log::warn!(
                    message_id, submission_id, traceparent, form_type, receive_count, reason:% = unavailable;
                    "A message of the invalid queue could not be kept, and is released."
                );
                Err(Failure::OfMessage)
            }
            Err(obstacle) => Err(Failure::OfAll(obstacle)),
        }
    }

    fn count_failure(&self, receive_count: Option<u32>) {
        let fails_often = receive_count.is_some_and(|count| count >= FAILS_OFTEN);
        let outcome = if fails_often { "failing" } else { "released" };
        invalid::count_kept(&self.form_type, outcome, None);
    }

    async fn store(&self, message: &Arc<InvalidMessage>) -> Result<Keeping, Obstacle> {
        let turn = timeout(START_WITHIN, Arc::clone(&self.turns.turn).acquire_owned()).await;
        // Nobody closes the semaphore, so only the time can be over.
        let Ok(Ok(turn)) = turn else { return Err(Obstacle::Database(None)) };
        let kept = timeout(INSERT_WITHIN, self.call(Arc::clone(message), turn)).await;
        match kept.unwrap_or(Err(None)) {
            Ok(keeping) => Ok(keeping),
            // A right was taken away, the database stores nothing, or this message alone fails.
            Err(Some(unavailable)) if unavailable.kind == UnavailableKind::StatementFailed => {
                self.ask_for_right().await?;
                self.probe().await?;
                Err(Obstacle::Message(unavailable))
            }
            Err(unavailable) => Err(Obstacle::Database(unavailable)),
        }
    }

    /// The turn ends with the call, even if nobody waits for it any more.
    async fn call(
        &self,
        message: Arc<InvalidMessage>,
        turn: OwnedSemaphorePermit,
    ) -> Result<Keeping, Option<Unavailable>> {
        let store = self.store.clone();
        let keeping = spawn_blocking(move || {
            let keeping = store.keep_invalid(&message);
            drop(turn);
            keeping
        });
        // A panic, which the panic hook has logged, says nothing about the database.
        keeping.await.map_err(|_| None)?.map_err(Some)
    }

    async fn settle(&self, settling: Settling) -> Result<(), Obstacle> {
        let deadline = Instant::now() + SETTLE_WITHIN;
        let (deleted, released) = tokio::join!(
            self.queue.delete(&settling.to_delete, deadline),
            self.queue.release(&settling.to_release, deadline)
        );
        let mut not_deleted = None;
        for settled in deleted.into_iter().chain(released) {
            if let Settled::Failed(error) = settled {
                log::warn!(
                    queue = self.queue.name(), error:% = error;
                    "A message of the invalid queue could not be settled and will come again."
                );
                let needs_a_person = matches!(error.cause(), Cause::Denied | Cause::MissingQueue);
                not_deleted = not_deleted.or(needs_a_person.then_some(error));
            }
        }
        not_deleted.map_or(Ok(()), |error| Err(Obstacle::Settle(error)))
    }
}

/// Why a message was not kept.
enum Failure {
    /// Others can be kept.
    OfMessage,
    OfAll(Obstacle),
}

fn delay_after(receive_count: u32) -> Duration {
    if receive_count < FAILS_OFTEN { delay::soon() } else { delay::later(Some(receive_count)) }
}

fn messages_of_a_poll(queue: &Queue) -> u8 {
    let size = queue.max_message_size().unwrap_or(LARGEST_MESSAGE).max(1);
    u8::try_from((BYTES_OF_A_POLL / size).clamp(1, queue::MAX_ENTRIES)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_fails_five_times_comes_back_later_each_time() {
        for receive_count in 1..FAILS_OFTEN {
            assert!(delay_after(receive_count) <= Duration::from_secs(10), "{receive_count}");
        }
        assert!(delay_after(5) >= Duration::from_secs(40));
        assert!(delay_after(9) >= Duration::from_secs(450));
        assert!(delay_after(1000) <= Duration::from_secs(900));
    }
}
