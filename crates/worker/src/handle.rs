//! Stores a batch of decoded messages and has each of them settled.

use std::{sync::Arc, time::Duration};

use domain::{FormType, Record};
use queue::{Queue, QueueFinder, QueuePair};
use store::{Store, Unavailable, UnavailableKind};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::spawn_blocking,
    time::{Instant, timeout},
};

use crate::{
    database_gate::DatabaseGate,
    erased::Tombstones,
    health::QueueStatus,
    in_flight::{Arrival, Form, InFlight},
    metrics,
    outcome::{Outcome, Settlement},
    room::Held,
    settle::Settler,
    watermark::NewRows,
};

/// A message may wait this long for a permit, with the time that it takes to decode it.
pub const START_WITHIN: Duration = Duration::from_secs(8);
/// An insert may take this long.
pub const INSERT_WITHIN: Duration = Duration::from_secs(9);
/// Every message is settled or released at most this long after it arrived.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);

/// Stores messages of one form type. Clones share the queues, the pool and the gate.
#[derive(Clone)]
pub struct Handler {
    pub form_type: FormType,
    pub pair: QueuePair,
    pub finder: QueueFinder,
    pub status: Arc<QueueStatus>,
    pub store: Store,
    pub gate: DatabaseGate,
    pub new_rows: NewRows,
    pub tombstones: Tombstones,
}

impl Handler {
    pub fn queue(&self) -> &Queue {
        &self.pair.form
    }

    /// Takes each message to its settlement. Keeps `permit` only while it uses the database.
    pub async fn store_and_settle(&self, batch: Vec<Arrival>, permit: OwnedSemaphorePermit) {
        if batch.is_empty() {
            return;
        }
        let started = Instant::now();
        let (messages, mut outcomes) = self.store_all(batch).await;
        self.tombstones.recognise(&messages, &mut outcomes).await;
        drop(permit);
        metrics::record_insert(messages.len(), started.elapsed());
        for (message, outcome) in messages.iter().zip(&outcomes) {
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
        self.settle(&messages, settlements).await;
    }

    /// Gives back messages that nobody tried to store.
    pub async fn release(&self, batch: Vec<Arrival>, settlement: Settlement) {
        metrics::count_outcome(self.form_type.name(), "released", batch.len());
        let settlements = vec![settlement; batch.len()];
        // Their content is not needed to release them.
        let messages: Vec<InFlight> = batch.into_iter().map(|arrival| arrival.message).collect();
        self.settle(&messages, settlements).await;
    }

    /// Stores all messages that were decoded. Returns the messages and the outcome of each; a body
    /// is kept only if its message is set aside.
    async fn store_all(&self, batch: Vec<Arrival>) -> (Vec<InFlight>, Vec<Outcome>) {
        let mut forms = Vec::with_capacity(batch.len());
        let mut messages = Vec::with_capacity(batch.len());
        let mut undecoded = Vec::with_capacity(batch.len());
        for Arrival { message, form, .. } in batch {
            messages.push(message);
            undecoded.push(form.map(|form| forms.push(form)).err());
        }
        // Each message that could be decoded has one row outcome, in the same order.
        let mut rows = self.insert(forms).await.into_iter();
        let mut outcomes = Vec::with_capacity(messages.len());
        for (message, undecoded) in messages.iter_mut().zip(undecoded) {
            let outcome = undecoded.map(Outcome::from).or_else(|| {
                let (outcome, form) = rows.next()?;
                if let Some(form) = form
                    && matches!(outcome.settlement(), Settlement::SetAside { .. })
                {
                    message.put_back(form);
                }
                Some(outcome)
            });
            outcomes.push(outcome.unwrap_or(Outcome::Undecided));
        }
        (messages, outcomes)
    }

    /// The outcome of each form, and the form, unless the database still has it.
    async fn insert(&self, forms: Vec<Form>) -> Vec<(Outcome, Option<Form>)> {
        let count = forms.len();
        if forms.is_empty() {
            return Vec::new();
        }
        let store = self.store.clone();
        let storing = spawn_blocking(move || {
            let (records, held): (Vec<Record>, Vec<Held>) =
                forms.into_iter().map(Form::into_parts).unzip();
            let insertion = store.insert_once(&records);
            (insertion, records.into_iter().zip(held).map(Form::from_parts).collect::<Vec<_>>())
        });
        let lost = |outcome: fn() -> Outcome| (0..count).map(|_| (outcome(), None)).collect();
        let (insertion, forms) = match timeout(INSERT_WITHIN, storing).await {
            Ok(Ok(stored)) => stored,
            // A panic, which the panic hook has logged. Next time each message is in a batch with
            // other messages.
            Ok(Err(_)) => return lost(|| Outcome::Failing),
            // The server is frozen, and no row's outcome is known.
            Err(_) => {
                self.gate
                    .shut(&Unavailable { kind: UnavailableKind::DeadlinePassed, message: None });
                return lost(|| Outcome::Undecided);
            }
        };
        let is_available = insertion.unavailable.is_none();
        if let Some(unavailable) = insertion.unavailable {
            self.gate.shut(&unavailable);
        }
        let outcomes = insertion.outcomes.into_iter().map(|row| match Outcome::from(row) {
            Outcome::Failing if !is_available => Outcome::Undecided,
            outcome => outcome,
        });
        let outcomes: Vec<_> =
            outcomes.zip(forms).map(|(outcome, form)| (outcome, Some(form))).collect();
        if outcomes.iter().any(|(outcome, _)| matches!(outcome, Outcome::Stored)) {
            self.new_rows.tell();
        }
        self.record_ages(&outcomes);
        outcomes
    }

    fn record_ages(&self, outcomes: &[(Outcome, Option<Form>)]) {
        for (outcome, form) in outcomes {
            let received_at = form.as_ref().and_then(|form| form.record.received_at);
            if let (Outcome::Stored, Some(received_at)) = (outcome, received_at) {
                metrics::record_stored_age(self.form_type.name(), received_at.into());
            }
        }
    }

    async fn settle(&self, batch: &[InFlight], settlements: Vec<Settlement>) {
        let Some(oldest) = batch.iter().map(|message| message.arrived_at).min() else { return };
        let deadline = oldest + SETTLE_WITHIN;
        let settler = Settler {
            form_type: &self.form_type,
            pair: &self.pair,
            status: &self.status,
            deadline,
        };
        let invalid_queue_is_missing = settler.settle_all(batch, settlements).await;
        if invalid_queue_is_missing && let Err(error) = self.finder.pair().await {
            log::error!(queue = self.pair.invalid.name(), error:% = error; "A queue is missing.");
        }
    }

    /// Counts the messages that need no further call; the settler counts the others when SQS has
    /// confirmed them.
    fn count_and_log(&self, outcomes: &[Outcome], started: Instant) {
        let count =
            |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
        let stored = count(|outcome| matches!(outcome, Outcome::Stored));
        let already_stored = count(|outcome| matches!(outcome, Outcome::AlreadyStored));
        let released = count(|outcome| matches!(outcome, Outcome::Failing | Outcome::Undecided));
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
