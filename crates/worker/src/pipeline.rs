//! One form type's way from its queue to the database. All form types share the database.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use queue::{
    LOOK_EVERY, QueueFinder,
    settings::{ServedForm, SqsSettings},
};
use store::Store;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    batcher::Batcher, database_gate::DatabaseGate, handle::Handler, health::PollStatus,
    in_flight::BytesInFlight, insert_permits::InsertPermits, poll::Pollers, prepare,
    settings::WorkSettings,
};

/// Polls, stores and settles the messages of one form type.
pub struct Pipeline {
    pub form: ServedForm,
    finder: QueueFinder,
    pub poll_status: Arc<PollStatus>,
}

/// What all pipelines share.
#[derive(Clone)]
pub struct Shared {
    pub store: Store,
    pub gate: DatabaseGate,
    pub permits: InsertPermits,
    pub bytes: BytesInFlight,
}

impl Pipeline {
    pub fn new(form: ServedForm, finder: QueueFinder) -> Self {
        let poll_status = Arc::new(PollStatus::new(form.form_type.name()));
        Self { form, finder, poll_status }
    }

    /// Works until `stop`. The database schema must be current.
    ///
    /// # Errors
    /// Some messages in flight could not be settled within `grace`.
    pub async fn run(
        &self,
        shared: &Shared,
        sqs: &SqsSettings,
        work: &WorkSettings,
        grace: Duration,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let found = prepare::find_queues(&self.finder, &self.poll_status);
        let Some(pair) = stop.run_until_cancelled(found).await else { return Ok(()) };
        let watched = pair.clone();
        let (store, gate) = (shared.store.clone(), shared.gate.clone());
        let handler =
            Handler::new(self.form.form_type.clone(), pair, self.finder.clone(), store, gate);
        let pollers = Pollers {
            handler: handler.clone(),
            finder: self.finder.clone(),
            poll: sqs.poll.clone(),
            count: work.pollers,
            poll_status: Arc::clone(&self.poll_status),
            bytes: shared.bytes.clone(),
            permits: shared.permits.clone(),
            stop: stop.clone(),
        };
        let batcher = Batcher {
            handler,
            max_rows: work.batch_rows,
            permits: shared.permits.clone(),
            stop: stop.clone(),
        };
        tokio::select! {
            outcome = poll_and_store(pollers, batcher, grace) => outcome,
            never = watched.watch(LOOK_EVERY) => match never {},
        }
    }
}

/// Runs both until `stop`, and then for up to `grace` until every message in flight is settled.
/// Only when `grace` is over is work dropped in the middle.
async fn poll_and_store(pollers: Pollers, batcher: Batcher, grace: Duration) -> anyhow::Result<()> {
    let stop = batcher.stop.clone();
    // The messages that wait in this channel are limited by their bytes and by their age.
    let (received, arrivals) = mpsc::channel(batcher.max_rows);
    // The last poller closes the channel when it ends, and that ends the batcher.
    let working = async { tokio::join!(pollers.run(received), batcher.run(arrivals)) };
    let grace_is_over = async {
        stop.cancelled().await;
        sleep(grace).await;
    };
    tokio::select! {
        ((), ()) = working => Ok(()),
        () = grace_is_over => bail!(
            "messages in flight could not be settled within SHUTDOWN_GRACE_SECONDS; SQS will deliver them again"
        ),
    }
}
