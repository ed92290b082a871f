//! Merges what all polls bring into one batch for each free connection, until there is nothing left to do.

use std::{io, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    connections::Connections,
    handle::{Handler, InHand, START_WITHIN},
    outcome::Settlement,
    poll::Pollers,
};

/// Merges messages and has them handled.
pub struct Batches {
    pub handler: Handler,
    /// Rows in one insert at the most.
    pub rows: usize,
    pub connections: Connections,
    pub stop: CancellationToken,
}

/// Works until `stop`, and then for as long as `grace` lets it settle what is in hand.
///
/// # Errors
/// Something in hand could not be settled in time. Only then is work dropped in the middle.
pub async fn work(batches: Batches, pollers: Pollers, grace: Duration) -> io::Result<()> {
    let stop = batches.stop.clone();
    // What waits here is bounded by its bytes and by its age.
    let (received, arrivals) = mpsc::channel(batches.rows);
    let polling = async {
        pollers.run(received).await;
        // With the last poller the channel closes, and `batches` comes to its end.
    };
    let working = async { tokio::join!(polling, batches.run(arrivals)) };
    let ended_late = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        ((), ()) = working => Ok(()),
        () = ended_late => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "what was in hand could not be settled within SHUTDOWN_GRACE_SECONDS, and will be delivered again",
        )),
    }
}

impl Batches {
    /// Ends when the pollers have ended and all that they brought is settled.
    async fn run(self, mut arrivals: mpsc::Receiver<InHand>) {
        let mut tasks = JoinSet::new();
        while let Some(first) = arrivals.recv().await {
            // While all connections are in use more messages come, and share the next insert.
            let free = self.connections.free(first.since + START_WITHIN);
            let connection = self.stop.run_until_cancelled(free).await.flatten();
            let mut batch = vec![first];
            while batch.len() < self.rows {
                let Ok(next) = arrivals.try_recv() else { break };
                batch.push(next);
            }
            tasks.spawn(begin(self.handler.clone(), batch, connection, self.stop.is_cancelled()));
            while let Some(ended) = tasks.try_join_next() {
                report(ended);
            }
        }
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    }
}

async fn begin(
    handler: Handler,
    batch: Vec<InHand>,
    connection: Option<OwnedSemaphorePermit>,
    stopping: bool,
) {
    match connection {
        _ if stopping => handler.give_back(batch, Settlement::ReleaseNow).await,
        Some(connection) if handler.gate().is_open() => {
            let (fresh, old): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|message| message.since.elapsed() < START_WITHIN);
            tokio::join!(
                handler.handle(fresh, connection),
                handler.give_back(old, Settlement::ReleaseSoon)
            );
        }
        _ => handler.give_back(batch, Settlement::ReleaseSoon).await,
    }
}

/// A panic is in the log already; its messages come again after their visibility timeout.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        log::error!(
            "A batch was left in the middle, and will be delivered again. error=\"{error}\""
        );
    }
}
