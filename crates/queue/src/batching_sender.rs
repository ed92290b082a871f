//! Concurrent sends share `SendMessageBatch` calls, and each gets the result of its own entry.

use std::{sync::Arc, time::Duration};

use domain::Message;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    MAX_ENTRIES, Queue,
    error::{Cause, SqsError},
    policy,
};

const OPERATION: &str = "SendMessageBatch";

/// What every server takes in one batch call, in bytes of all its messages, where the queue does not tell its limit.
const ANY_QUEUE_TAKES: usize = 262_144;

/// How eagerly sends leave, and how long one is waited for.
#[derive(Clone, Copy, Debug)]
pub struct SendPace {
    /// How long a send may take, waiting for its turn included.
    pub within: Duration,
    /// How long the first message of a batch that is not full waits while another send is under way.
    pub linger: Duration,
    /// Batch calls under way at the most.
    pub calls_under_way: usize,
}

/// Sends messages to one queue. Cloning shares the batches.
#[derive(Clone)]
pub struct Sender {
    waiting: mpsc::UnboundedSender<Waiting>,
    within: Duration,
    max_message_size: Option<usize>,
}

struct Waiting {
    message: Message,
    since: Instant,
    done: oneshot::Sender<Result<(), SqsError>>,
}

impl Sender {
    /// Starts the task that fills batches; it ends when the last clone of the sender is gone.
    pub fn start(queue: Queue, pace: SendPace) -> Self {
        // Bounded by the callers, of whom each waits for one message, and not for long.
        let (waiting, arrivals) = mpsc::unbounded_channel();
        let max_message_size = queue.max_message_size();
        tokio::spawn(Batches { queue, pace, arrivals, held: None }.run());
        Self { waiting, within: pace.within, max_message_size }
    }

    /// Sends a message; it is on the queue when this is `Ok`. After an error it may be there all the same.
    ///
    /// # Errors
    /// The message is too long, SQS refused it, or did not confirm it in time.
    pub async fn send(&self, message: Message) -> Result<(), SqsError> {
        if let Some(limit) = self.max_message_size
            && message.size() > limit
        {
            return Err(SqsError::new(
                OPERATION,
                Cause::TooLong,
                format_args!("the queue takes {limit} bytes"),
            ));
        }
        let (done, outcome) = oneshot::channel();
        let since = Instant::now();
        // A closed channel on either side is a task that died, and nothing is confirmed then.
        let sent = self.waiting.send(Waiting { message, since, done });
        sent.map_err(|_| SqsError::no_result(OPERATION))?;
        match timeout_at(since + self.within, outcome).await {
            Ok(result) => result.unwrap_or(Err(SqsError::no_result(OPERATION))),
            Err(_) => Err(SqsError::new(OPERATION, Cause::Unavailable, "no answer in time")),
        }
    }
}

struct Batches {
    queue: Queue,
    pace: SendPace,
    arrivals: mpsc::UnboundedReceiver<Waiting>,
    /// A message that did not fit in the batch before.
    held: Option<Waiting>,
}

impl Batches {
    async fn run(mut self) {
        let calls = Arc::new(Semaphore::new(self.pace.calls_under_way));
        let mut sends = JoinSet::new();
        // First the turn and then the batch, so that what waits for a turn goes on filling it.
        while let Ok(call) = Arc::clone(&calls).acquire_owned().await {
            let Some(first) = self.next().await else { break };
            let batch = self.fill(first, &calls).await;
            let (queue, within) = (self.queue.clone(), self.pace.within);
            sends.spawn(async move {
                send(&queue, batch, within).await;
                drop(call);
            });
            // Whoever waits for a send that panicked hears that nothing is confirmed.
            while sends.try_join_next().is_some() {}
        }
        sends.join_all().await;
    }

    async fn next(&mut self) -> Option<Waiting> {
        loop {
            let next = match self.held.take() {
                Some(held) => held,
                None => self.arrivals.recv().await?,
            };
            if let Some(next) = self.in_time(next) {
                return Some(next);
            }
        }
    }

    /// Nothing, where it waited too long or nobody waits for it any more; then it is not sent.
    fn in_time(&self, waiting: Waiting) -> Option<Waiting> {
        if waiting.since.elapsed() > policy::turn(self.pace.within) {
            // Nobody may be waiting any more, and that is all right.
            let why = "not sent, because too much waits to be sent";
            let _ = waiting.done.send(Err(SqsError::new(OPERATION, Cause::Unavailable, why)));
            return None;
        }
        Some(waiting).filter(|waiting| !waiting.done.is_closed())
    }

    /// A full batch leaves at once; another leaves when no send is under way, or when its first has waited long enough.
    async fn fill(&mut self, first: Waiting, calls: &Semaphore) -> Vec<Waiting> {
        let limit = self.queue.max_message_size().unwrap_or(ANY_QUEUE_TAKES);
        let mut bytes = first.message.size();
        let leaves_at = first.since + self.pace.linger;
        let mut batch = vec![first];
        // But the one for this batch.
        let others = self.pace.calls_under_way - 1;
        while batch.len() < MAX_ENTRIES {
            let next = match self.arrivals.try_recv() {
                Ok(next) => Some(next),
                Err(_) if calls.available_permits() == others => None,
                Err(_) => tokio::select! {
                    // recv loses nothing when it is dropped.
                    next = timeout_at(leaves_at, self.arrivals.recv()) => next.ok().flatten(),
                    // All permits at once: no other send is under way any more.
                    Ok(_) = calls.acquire_many(u32::try_from(others).unwrap_or(u32::MAX)) => None,
                },
            };
            let Some(next) = next else { break };
            let Some(next) = self.in_time(next) else { continue };
            bytes += next.message.size();
            if bytes > limit {
                self.held = Some(next);
                break;
            }
            batch.push(next);
        }
        batch
    }
}

async fn send(queue: &Queue, batch: Vec<Waiting>, within: Duration) {
    let Some(first) = batch.first() else { return };
    let deadline = first.since + within;
    let (messages, waiting): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.message, waiting.done)).unzip();
    let results = queue.send(&messages, within, deadline).await;
    for (done, result) in waiting.into_iter().zip(results) {
        let _ = done.send(result);
    }
}
