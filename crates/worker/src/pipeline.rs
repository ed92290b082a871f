//! One form type's way from its queue to the database. All form types share the database.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use queue::{
    LOOK_EVERY, QueueFinder,
    settings::{ServedForm, SqsSettings},
};
use service::must_live::must_live;
use store::Store;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    batcher::{BatchLimits, Batcher},
    database_gate::DatabaseGate,
    erased::Tombstones,
    handle::Handler,
    health::QueueStatus,
    in_flight::Ages,
    insert_permits::InsertPermits,
    keep::{Keeper, Turns},
    poll::{Pollers, most_of_a_poll},
    prepare,
    room::Room,
    settings::WorkSettings,
    watermark::NewRows,
};

/// How many full batches' worth of bytes may wait for a database connection.
const BATCHES_IN_LINE: usize = 2;

/// Polls, stores and settles the messages of one form type.
pub struct Pipeline {
    pub form: ServedForm,
    finder: QueueFinder,
    pub status: Arc<QueueStatus>,
}

/// What all pipelines share.
#[derive(Clone)]
pub struct Shared {
    pub store: Store,
    pub gate: DatabaseGate,
    pub permits: InsertPermits,
    pub room: Room,
    pub ages: Ages,
    pub new_rows: NewRows,
    pub turns: Turns,
    pub tombstones: Tombstones,
}

impl Pipeline {
    pub fn new(form: ServedForm, finder: QueueFinder) -> Self {
        let status = Arc::new(QueueStatus::new(form.form_type.name()));
        Self { form, finder, status }
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
        let found = prepare::find_queues(&self.finder, &self.status);
        let Some(pair) = stop.run_until_cancelled(found).await else { return Ok(()) };
        let watched = pair.clone();
        shared.room.fit_poll_of_one_more_form_type(most_of_a_poll(&pair.form, &sqs.poll));
        let handler = Handler {
            form_type: self.form.form_type.clone(),
            pair,
            finder: self.finder.clone(),
            status: Arc::clone(&self.status),
            store: shared.store.clone(),
            gate: shared.gate.clone(),
            new_rows: shared.new_rows.clone(),
            tombstones: shared.tombstones.clone(),
        };
        let keeper = work.keeps_invalid.then(|| Keeper {
            form_type: self.form.form_type.name().to_owned(),
            queue: handler.pair.invalid.clone(),
            finder: self.finder.clone(),
            store: shared.store.clone(),
            gate: shared.gate.clone(),
            turns: shared.turns.clone(),
            poll: sqs.poll.clone(),
            stop: stop.clone(),
        });
        let permits = shared.permits.for_form_type();
        let pollers = Pollers {
            handler: handler.clone(),
            poll: sqs.poll.clone(),
            count: work.pollers,
            room: shared.room.clone(),
            line: Room::new(work.batch_bytes.saturating_mul(BATCHES_IN_LINE)),
            ages: shared.ages.clone(),
            permits: permits.clone(),
            stop: stop.clone(),
        };
        let batcher = Batcher {
            handler,
            limits: BatchLimits { rows: work.batch_rows, bytes: work.batch_bytes },
            permits,
            stop: stop.clone(),
        };
        tokio::select! {
            outcome = poll_and_store(pollers, batcher, keeper, grace) => outcome,
            never = watched.watch(LOOK_EVERY) => match never {},
        }
    }
}

/// Runs all until `stop`, and then for up to `grace` until every message in flight is settled.
/// Only when `grace` is over is work dropped in the middle.
async fn poll_and_store(
    pollers: Pollers,
    batcher: Batcher,
    keeper: Option<Keeper>,
    grace: Duration,
) -> anyhow::Result<()> {
    let stop = batcher.stop.clone();
    // The messages that wait in this channel are limited by their bytes and by their age.
    let (received, arrivals) = mpsc::channel(batcher.limits.rows);
    // The last poller closes the channel when it ends, and that ends the batcher.
    let storing = must_live("batcher", batcher.run(arrivals));
    let keeping = async {
        if let Some(keeper) = keeper {
            must_live("keeper of invalid messages", keeper.run()).await;
        }
    };
    let working = async { tokio::join!(pollers.run(received), storing, keeping) };
    let grace_is_over = async {
        stop.cancelled().await;
        sleep(grace).await;
    };
    tokio::select! {
        ((), (), ()) = working => Ok(()),
        () = grace_is_over => bail!(
            "messages in flight could not be settled within SHUTDOWN_GRACE_SECONDS; SQS will deliver them again"
        ),
    }
}
