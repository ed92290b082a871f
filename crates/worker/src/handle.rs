//! Decodes and stores a batch of messages and has each of them settled.

use std::{sync::Arc, time::Duration};

use domain::{FormType, Record};
use queue::{Delivery, Queue, QueueFinder, QueuePair};
use store::{RowOutcome, Store, Unavailable, UnavailableKind};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::spawn_blocking,
    time::{Instant, timeout},
};

use crate::{
    database_gate::DatabaseGate,
    in_flight::InFlight,
    metrics,
    outcome::{Outcome, Settlement},
    settle::settle_all,
};

/// A message may wait this long for a permit.
pub const START_WITHIN: Duration = Duration::from_secs(5);
/// An insert may take this long.
pub const INSERT_WITHIN: Duration = Duration::from_secs(9);
/// Every message is settled or released at most this long after it arrived.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);

/// Stores messages of one form type. Clones share the queues, the pool and the gate.
#[derive(Clone)]
pub struct Handler {
    form_type: FormType,
    pair: QueuePair,
    finder: QueueFinder,
    store: Store,
    gate: DatabaseGate,
}

impl Handler {
    pub fn new(
        form_type: FormType,
        pair: QueuePair,
        finder: QueueFinder,
        store: Store,
        gate: DatabaseGate,
    ) -> Self {
        Self { form_type, pair, finder, store, gate }
    }

    pub fn queue(&self) -> &Queue {
        &self.pair.form
    }

    pub fn gate(&self) -> &DatabaseGate {
        &self.gate
    }

    /// Takes each message to its settlement. Keeps `permit` only while it uses the database.
    pub async fn store_and_settle(&self, batch: Vec<InFlight>, permit: OwnedSemaphorePermit) {
        if batch.is_empty() {
            return;
        }
        let started = Instant::now();
        // Shared with the blocking call: even if that call panics or hangs, every message is still
        // here to be settled.
        let batch = Arc::new(batch);
        let storing = spawn_blocking({
            let (batch, form_type, store) =
                (Arc::clone(&batch), self.form_type.clone(), self.store.clone());
            move || store_all(&batch, &form_type, &store)
        });
        let (outcomes, unavailable) = match timeout(INSERT_WITHIN, storing).await {
            Ok(Ok(stored)) => stored,
            // A panic, which the panic hook has logged. Next time each message is in a batch with
            // other messages.
            Ok(Err(_)) => (batch.iter().map(|_| Outcome::Undecided).collect(), None),
            // The server is frozen, and no row's outcome is known.
            Err(_) => {
                let unavailable =
                    Unavailable { kind: UnavailableKind::DeadlinePassed, message: None };
                (batch.iter().map(|_| Outcome::Undecided).collect(), Some(unavailable))
            }
        };
        drop(permit);
        metrics::record_insert(batch.len(), started.elapsed());
        if let Some(unavailable) = unavailable {
            self.gate.shut(&unavailable);
        }
        for (message, outcome) in batch.iter().zip(&outcomes) {
            let received = &message.delivery.received;
            log::debug!(
                message_id = received.message_id,
                submission_id = received.submission_id().map(|id| id.to_string()),
                traceparent = received.traceparent();
                "{}", outcome.sentence()
            );
        }
        self.count_and_log(&outcomes, started);
        let settlements: Vec<Settlement> = outcomes.iter().map(Outcome::settlement).collect();
        self.settle(&batch, settlements).await;
    }

    /// Gives back messages that nobody tried to store.
    pub async fn release(&self, batch: Vec<InFlight>, settlement: Settlement) {
        metrics::count_outcome(self.form_type.name(), "released", batch.len());
        let settlements = vec![settlement; batch.len()];
        self.settle(&batch, settlements).await;
    }

    async fn settle(&self, batch: &[InFlight], settlements: Vec<Settlement>) {
        let Some(oldest) = batch.iter().map(|message| message.arrived_at).min() else { return };
        let deadline = oldest + SETTLE_WITHIN;
        let invalid_queue_is_missing =
            settle_all(&self.form_type, &self.pair, batch, settlements, deadline).await;
        if invalid_queue_is_missing && let Err(error) = self.finder.pair().await {
            log::error!(queue = self.pair.invalid.name(), error:% = error; "A queue is missing.");
        }
    }

    /// Counts the messages that need no further call; `settle_all` counts the others when SQS has
    /// confirmed them.
    fn count_and_log(&self, outcomes: &[Outcome], started: Instant) {
        let count =
            |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
        let stored = count(|outcome| matches!(outcome, Outcome::Stored));
        let already_stored = count(|outcome| matches!(outcome, Outcome::AlreadyStored));
        let released = count(|outcome| matches!(outcome, Outcome::Undecided));
        let form_type = self.form_type.name();
        for (outcome, messages) in
            [("stored", stored), ("already_stored", already_stored), ("released", released)]
        {
            metrics::count_outcome(form_type, outcome, messages);
        }
        log::info!(
            form_type,
            messages = outcomes.len(),
            stored,
            already_stored,
            released,
            duration_ms = started.elapsed().as_millis();
            "Stored a batch."
        );
    }
}

/// The outcome of each message, in order, and the reason if the database is unavailable.
fn store_all(
    batch: &[InFlight],
    form_type: &FormType,
    store: &Store,
) -> (Vec<Outcome>, Option<Unavailable>) {
    let mut records = Vec::with_capacity(batch.len());
    let refusals: Vec<Option<Outcome>> = batch
        .iter()
        .map(|message| {
            decode(&message.delivery, form_type).map(|record| records.push(record)).err()
        })
        .collect();
    let insertion = store.insert_once(&records);
    for (record, outcome) in records.iter().zip(&insertion.outcomes) {
        if let (RowOutcome::Stored, Some(received_at)) = (outcome, record.received_at) {
            metrics::record_stored_age(form_type.name(), received_at.into());
        }
    }
    // Each message that could be decoded has one row outcome, in the same order.
    let mut rows = insertion.outcomes.into_iter().map(Outcome::from);
    let outcomes = refusals
        .into_iter()
        .map(|refusal| refusal.or_else(|| rows.next()).unwrap_or(Outcome::Undecided))
        .collect();
    (outcomes, insertion.unavailable)
}

fn decode(delivery: &Delivery, form_type: &FormType) -> Result<Record, Outcome> {
    let received = &delivery.received;
    let decoded = received.decode(form_type).map_err(Outcome::Undecodable)?;
    if !decoded.unreadable.is_empty() {
        log::warn!(
            message_id = received.message_id,
            submission_id = received.submission_id().map(|id| id.to_string()),
            traceparent = received.traceparent(),
            attributes = decoded.unreadable.join(",");
            "Some attributes of a message cannot be read and count as absent."
        );
    }
    Ok(decoded.record)
}
