//! Merges the messages of all polls into one batch per free database connection.

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    handle::{Handler, START_WITHIN},
    in_flight::Arrival,
    insert_permits::InsertPermits,
    outcome::Settlement,
};

/// Merges messages into batches and hands each batch to the handler.
pub struct Batcher {
    pub handler: Handler,
    pub limits: BatchLimits,
    pub permits: InsertPermits,
    pub stop: CancellationToken,
}

/// How much one insert may take.
#[derive(Clone, Copy)]
pub struct BatchLimits {
    pub rows: usize,
    /// Of all messages in it. A single message may be larger.
    pub bytes: usize,
}

impl Batcher {
    /// Returns when the pollers have ended and every message they brought is settled.
    pub async fn run(self, arrivals: mpsc::Receiver<Arrival>) {
        let mut arrivals = Line { arrivals, left_over: None };
        let mut tasks = JoinSet::new();
        while let Some(first) = arrivals.next().await {
            // While all connections are busy, more messages arrive and share the next insert.
            let permit = self.permits.acquire(first.message.arrived_at + START_WITHIN);
            let permit = self.stop.run_until_cancelled(permit).await.flatten();
            let batch = arrivals.fill(first, self.limits);
            let stopping = self.stop.is_cancelled();
            tasks.spawn(store_or_release(self.handler.clone(), batch, permit, stopping));
            while let Some(ended) = tasks.try_join_next() {
                log_panic(ended);
            }
        }
        while let Some(ended) = tasks.join_next().await {
            log_panic(ended);
        }
    }
}

/// The messages that wait for a database connection.
struct Line {
    arrivals: mpsc::Receiver<Arrival>,
    /// It did not fit into the last batch.
    left_over: Option<Arrival>,
}

impl Line {
    /// Waits for a message. `None` if no more will come.
    async fn next(&mut self) -> Option<Arrival> {
        match self.left_over.take() {
            Some(arrival) => Some(arrival),
            None => self.arrivals.recv().await,
        }
    }

    /// A batch of `first` and the messages that wait already, as far as they fit.
    fn fill(&mut self, first: Arrival, limits: BatchLimits) -> Vec<Arrival> {
        let mut bytes = first.bytes;
        let mut batch = vec![first];
        while batch.len() < limits.rows {
            let Ok(next) = self.arrivals.try_recv() else { break };
            bytes += next.bytes;
            if bytes > limits.bytes {
                self.left_over = Some(next);
                break;
            }
            batch.push(next);
        }
        // The next messages may line up.
        batch.iter_mut().for_each(|arrival| arrival.place = None);
        batch
    }
}

/// Stores the batch if there is a permit and the database is available; otherwise releases it.
async fn store_or_release(
    handler: Handler,
    batch: Vec<Arrival>,
    permit: Option<OwnedSemaphorePermit>,
    stopping: bool,
) {
    match permit {
        _ if stopping => handler.release(batch, Settlement::ReleaseNow).await,
        Some(permit) if handler.gate.is_open() => {
            let (fresh, old): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .partition(|arrival| arrival.message.arrived_at.elapsed() < START_WITHIN);
            tokio::join!(
                handler.store_and_settle(fresh, permit),
                handler.release(old, Settlement::ReleaseSoon)
            );
        }
        _ => handler.release(batch, Settlement::ReleaseSoon).await,
    }
}

/// The panic hook has logged the place of the panic; the batch's messages come back after their
/// visibility timeout.
fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        log::error!(error:% = error; "A batch was interrupted; SQS will deliver its messages again.");
    }
}
