//! Merges the messages of all polls into one batch per free database connection.

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    handle::{Handler, START_WITHIN},
    in_flight::InFlight,
    insert_permits::InsertPermits,
    outcome::Settlement,
};

/// Merges messages into batches and hands each batch to the handler.
pub struct Batcher {
    pub handler: Handler,
    /// The maximum number of rows in one insert.
    pub max_rows: usize,
    pub permits: InsertPermits,
    pub stop: CancellationToken,
}

impl Batcher {
    /// Returns when the pollers have ended and every message they brought is settled.
    pub async fn run(self, mut arrivals: mpsc::Receiver<InFlight>) {
        let mut tasks = JoinSet::new();
        while let Some(first) = arrivals.recv().await {
            // While all connections are busy, more messages arrive and share the next insert.
            let permit = self.permits.acquire(first.arrived_at + START_WITHIN);
            let permit = self.stop.run_until_cancelled(permit).await.flatten();
            let mut batch = vec![first];
            while batch.len() < self.max_rows {
                let Ok(next) = arrivals.try_recv() else { break };
                batch.push(next);
            }
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

/// Stores the batch if there is a permit and the database is available; otherwise releases it.
async fn store_or_release(
    handler: Handler,
    batch: Vec<InFlight>,
    permit: Option<OwnedSemaphorePermit>,
    stopping: bool,
) {
    match permit {
        _ if stopping => handler.release(batch, Settlement::ReleaseNow).await,
        Some(permit) if handler.gate().is_open() => {
            let (fresh, old): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|message| message.arrived_at.elapsed() < START_WITHIN);
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
