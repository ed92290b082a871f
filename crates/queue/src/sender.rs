//! Concurrent sends share `SendMessageBatch` calls, and each gets the result of its own message.

use std::{sync::Arc, time::Duration};

use ::metrics::Gauge;
use domain::Message;
use service::must_live::must_live;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    call_size::CallSize,
    error::{Cause, SqsError},
    metrics, policy,
    queue::Queue,
};

const OPERATION: &str = "SendMessageBatch";

/// How eagerly a sender calls SQS, and how long a send may take.
#[derive(Clone, Copy, Debug)]
pub struct SendPace {
    /// How long a send may take, including the wait for its turn.
    pub within: Duration,
    /// How long the first message of a batch that is not full waits for more while another batch is being sent.
    pub linger: Duration,
    /// The largest number of batch calls at the same time.
    pub calls_in_flight: usize,
}

/// Sends messages to one queue. Clones share the batches.
#[derive(Clone)]
pub struct Sender {
    pending: mpsc::UnboundedSender<PendingSend>,
    within: Duration,
    queue: Queue,
    waiting: Gauge,
}

/// A message whose caller waits for the result.
struct PendingSend {
    message: Message,
    since: Instant,
    result: oneshot::Sender<Result<(), SqsError>>,
    _counted: Waiting,
}

/// A message that waits for its call, in the count until this is dropped.
struct Waiting(Gauge);

impl Waiting {
    fn count(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl Sender {
    /// Starts the task that fills batches. It ends when the last clone of the sender is dropped.
    pub fn start(queue: Queue, pace: SendPace) -> Self {
        // Bounded by the callers: each waits for one message, and not for long.
        let (pending, arrivals) = mpsc::unbounded_channel();
        let send_loop = SendLoop { queue: queue.clone(), pace, arrivals, did_not_fit: None };
        tokio::spawn(must_live("send loop", send_loop.run()));
        let waiting = metrics::sends_waiting(queue.name());
        Self { pending, within: pace.within, queue, waiting }
    }

    /// Sends a message. It is on the queue if this is `Ok`; after an error it may be there all the same.
    ///
    /// # Errors
    /// The message is too long, SQS refused it, or SQS did not confirm it in time.
    pub async fn send(&self, message: Message) -> Result<(), SqsError> {
        let Some(limit) = self.queue.max_message_size() else {
            // Only SQS knows whether the message fits.
            return match (self.send_once(message.clone()).await, message.without_schema_digest()) {
                (Err(error), Some(shorter)) if error.cause() == Cause::TooLong => {
                    self.send_once(shorter).await
                }
                (result, _) => result,
            };
        };
        let message = message.make_room(limit);
        if message.size() > limit {
            return Err(SqsError::new(
                OPERATION,
                Cause::TooLong,
                format_args!("the queue takes {limit} bytes"),
            ));
        }
        self.send_once(message).await
    }

    async fn send_once(&self, message: Message) -> Result<(), SqsError> {
        let (result, outcome) = oneshot::channel();
        let since = Instant::now();
        let _counted = Waiting::count(&self.waiting);
        // If a channel is closed on either side, a task has died, and nothing is confirmed.
        let sent = self.pending.send(PendingSend { message, since, result, _counted });
        sent.map_err(|_| SqsError::no_result(OPERATION))?;
        match timeout_at(since + self.within, outcome).await {
            Ok(result) => result.unwrap_or(Err(SqsError::no_result(OPERATION))),
            Err(_) => Err(SqsError::new(OPERATION, Cause::Unavailable, "no answer in time")),
        }
    }
}

/// The task that puts pending sends into batches and calls SQS.
struct SendLoop {
    queue: Queue,
    pace: SendPace,
    arrivals: mpsc::UnboundedReceiver<PendingSend>,
    /// Did not fit into the previous batch, and begins the next one.
    did_not_fit: Option<PendingSend>,
}

impl SendLoop {
    async fn run(mut self) {
        let calls = Arc::new(Semaphore::new(self.pace.calls_in_flight));
        let mut sends = JoinSet::new();
        // The turn comes before the batch, so that messages that arrive during the wait still join it.
        while let Ok(call) = Arc::clone(&calls).acquire_owned().await {
            let Some(first) = self.next().await else { break };
            let batch = self.fill_batch(first, &calls).await;
            let (queue, within) = (self.queue.clone(), self.pace.within);
            sends.spawn(async move {
                send_batch(&queue, batch, within).await;
                drop(call);
            });
            // If a send panicked, its callers know already that nothing is confirmed.
            while sends.try_join_next().is_some() {}
        }
        sends.join_all().await;
    }

    /// The next send that is still worth making, `None` when every sender is dropped.
    async fn next(&mut self) -> Option<PendingSend> {
        loop {
            let next = match self.did_not_fit.take() {
                Some(next) => next,
                None => self.arrivals.recv().await?,
            };
            if let Some(next) = self.unless_expired(next) {
                return Some(next);
            }
        }
    }

    /// `None` if the send waited too long, or its caller has gone; then the message is not sent.
    fn unless_expired(&self, send: PendingSend) -> Option<PendingSend> {
        if send.since.elapsed() > policy::max_wait_for_turn(self.pace.within) {
            let why = "not sent, because too many messages wait to be sent";
            // The caller may have gone, which is fine.
            let _ = send.result.send(Err(SqsError::new(OPERATION, Cause::Unavailable, why)));
            return None;
        }
        Some(send).filter(|send| !send.result.is_closed())
    }

    /// Adds messages to a batch until it should leave: at once if it is full or no other call is in flight, otherwise
    /// when its first message has waited for `linger`.
    async fn fill_batch(&mut self, first: PendingSend, calls: &Semaphore) -> Vec<PendingSend> {
        let mut size = CallSize::new(self.queue.max_message_size());
        size.add(&first.message);
        let leaves_at = first.since + self.pace.linger;
        let mut batch = vec![first];
        // This batch has a permit already.
        let other_permits = self.pace.calls_in_flight - 1;
        while !size.is_full() {
            let next = match self.arrivals.try_recv() {
                Ok(next) => Some(next),
                Err(_) if calls.available_permits() == other_permits => None,
                Err(_) => tokio::select! {
                    // recv loses nothing if it is dropped.
                    next = timeout_at(leaves_at, self.arrivals.recv()) => next.ok().flatten(),
                    // All other permits at once mean that no other call is in flight any more.
                    Ok(_) = calls.acquire_many(u32::try_from(other_permits).unwrap_or(u32::MAX)) => None,
                },
            };
            let Some(next) = next else { break };
            let Some(next) = self.unless_expired(next) else { continue };
            if !size.add(&next.message) {
                self.did_not_fit = Some(next);
                break;
            }
            batch.push(next);
        }
        batch
    }
}

/// Sends a batch and gives each caller the result of its message.
async fn send_batch(queue: &Queue, batch: Vec<PendingSend>, within: Duration) {
    let Some(first) = batch.first() else { return };
    let deadline = first.since + within;
    let (messages, callers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|send| (send.message, send.result)).unzip();
    let results = queue.send(&messages, within, deadline).await;
    for (caller, result) in callers.into_iter().zip(results) {
        // The caller may have gone, which is fine.
        let _ = caller.send(result);
    }
}
