//! Merges what all polls bring into one batch for each free connection, until there is nothing left to do.

use std::{io, sync::Arc};

use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bytes_in_hand::BytesInHand,
    handle::{Handler, InHand, START_WITHIN},
    outcome::Settlement,
    poll::Pollers,
    settings::Settings,
};

/// Works until `stop`, and then for as long as the grace period lets it settle what is in hand.
pub async fn work(
    handler: Handler,
    pollers: Pollers<'_>,
    settings: &Settings,
    stop: &CancellationToken,
) -> io::Result<()> {
    settings.warn();
    let bytes = BytesInHand::new(settings.work.bytes_in_hand);
    // What waits here is bounded by its bytes and by its age.
    let (received, arrivals) = mpsc::channel(settings.work.batch_rows);
    let batches = Batches {
        handler: handler.clone(),
        arrivals,
        rows: settings.work.batch_rows,
        connections: Arc::new(Semaphore::new(settings.work.connections as usize)),
        stop: stop.clone(),
    };
    let working = async { tokio::join!(pollers.run(&handler, &bytes, received, stop), batches.run()) };
    let ended_late = async {
        stop.cancelled().await;
        tokio::time::sleep(settings.stop.grace).await;
    };
    tokio::select! {
        ((), ()) = working => Ok(()),
        () = ended_late => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "what was in hand could not be settled within SHUTDOWN_GRACE_SECONDS, and will be delivered again",
        )),
    }
}

struct Batches {
    handler: Handler,
    arrivals: mpsc::Receiver<InHand>,
    /// Rows in one insert at the most.
    rows: usize,
    /// One permit for each connection to the database.
    connections: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Batches {
    /// Ends when the pollers have ended and all that they brought is settled.
    async fn run(mut self) {
        let mut tasks = JoinSet::new();
        while let Some(first) = self.arrivals.recv().await {
            // While all connections are in use more messages come, and share the next insert.
            let free = timeout(START_WITHIN, Arc::clone(&self.connections).acquire_owned()).await;
            let mut batch = vec![first];
            while batch.len() < self.rows {
                let Ok(next) = self.arrivals.try_recv() else { break };
                batch.push(next);
            }
            let handler = self.handler.clone();
            let begins = !self.stop.is_cancelled() && self.handler.gate().is_open();
            match free {
                Ok(Ok(connection)) if begins => {
                    let (fresh, stale) = batch.into_iter().partition(|message| message.since.elapsed() < START_WITHIN);
                    tasks.spawn(async move {
                        let give_back = handler.give_back(stale, Settlement::ReleaseSoon);
                        tokio::join!(handler.handle(fresh, connection), give_back);
                    });
                }
                _ if self.stop.is_cancelled() => {
                    tasks.spawn(async move { handler.give_back(batch, Settlement::ReleaseNow).await });
                }
                _ => {
                    tasks.spawn(async move { handler.give_back(batch, Settlement::ReleaseSoon).await });
                }
            }
            while let Some(ended) = tasks.try_join_next() {
                report(ended);
            }
        }
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    }
}

/// A panic is in the log already; its messages come again after their visibility timeout.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        log::error!("A batch was left in the middle, and will be delivered again. error=\"{error}\"");
    }
}
