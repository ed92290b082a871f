//! Concurrent sends share `SendMessageBatch` calls, and each gets the result of its own entry.

use std::{sync::Arc, time::Duration};

use domain::Message;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    MAX_ENTRIES, Queue,
    error::{Cause, SqsError},
};

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
    waiting: mpsc::Sender<Waiting>,
    within: Duration,
    max_message_size: Option<usize>,
}

struct Waiting {
    message: Message,
    done: oneshot::Sender<Result<(), SqsError>>,
}

impl Sender {
    /// Starts the task that fills batches; it ends when the last clone of the sender is gone.
    pub fn start(queue: Queue, pace: SendPace) -> Self {
        // As many may wait as leave in one go; more wait at the channel, until their time is over.
        let (waiting, arrivals) = mpsc::channel(pace.calls_under_way * MAX_ENTRIES);
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
                "SendMessageBatch",
                Cause::TooLong,
                format_args!("the queue takes {limit} bytes"),
            ));
        }
        let (done, outcome) = oneshot::channel();
        let sent = async {
            // A closed channel on either side is a task that died, and nothing is confirmed then.
            self.waiting.send(Waiting { message, done }).await.ok()?;
            outcome.await.ok()
        };
        match timeout(self.within, sent).await {
            Ok(Some(result)) => result,
            Ok(None) => Err(SqsError::no_result("SendMessageBatch")),
            Err(_) => Err(SqsError::new("SendMessageBatch", Cause::Unavailable, "no answer in time")),
        }
    }
}

struct Batches {
    queue: Queue,
    pace: SendPace,
    arrivals: mpsc::Receiver<Waiting>,
    /// A message that did not fit in the batch before.
    held: Option<Waiting>,
}

impl Batches {
    async fn run(mut self) {
        let calls = Arc::new(Semaphore::new(self.pace.calls_under_way));
        let mut sends = JoinSet::new();
        while let Some(first) = self.next().await {
            let batch = self.fill(first, &calls).await;
            let Ok(call) = Arc::clone(&calls).acquire_owned().await else { return };
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
        match self.held.take() {
            Some(held) => Some(held),
            None => self.arrivals.recv().await,
        }
    }

    /// A full batch leaves at once; another leaves when no send is under way, or when its first has waited long enough.
    async fn fill(&mut self, first: Waiting, calls: &Semaphore) -> Vec<Waiting> {
        let limit = self.queue.max_message_size().unwrap_or(ANY_QUEUE_TAKES);
        let mut bytes = first.message.size();
        let mut batch = vec![first];
        let leaves_at = Instant::now() + self.pace.linger;
        while batch.len() < MAX_ENTRIES {
            let next = match self.arrivals.try_recv() {
                Ok(next) => Some(next),
                Err(_) if calls.available_permits() == self.pace.calls_under_way => None,
                Err(_) => tokio::select! {
                    // recv loses nothing when it is dropped.
                    next = timeout_at(leaves_at, self.arrivals.recv()) => next.ok().flatten(),
                    // All permits at once: no send is under way any more.
                    Ok(_) = calls.acquire_many(u32::try_from(self.pace.calls_under_way).unwrap_or(u32::MAX)) => None,
                },
            };
            let Some(next) = next else { break };
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

async fn send(queue: &Queue, mut batch: Vec<Waiting>, within: Duration) {
    // Whoever has stopped waiting was told that it was not taken.
    batch.retain(|waiting| !waiting.done.is_closed());
    if batch.is_empty() {
        return;
    }
    let (messages, waiting): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.message, waiting.done)).unzip();
    let results = queue.send(&messages, within).await;
    for (done, result) in waiting.into_iter().zip(results) {
        // Nobody may be waiting any more, and that is all right.
        let _ = done.send(result);
    }
}
