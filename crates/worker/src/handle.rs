//! Decodes and stores what is in hand, and has it settled.

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
    bytes_in_hand::Held,
    database_gate::DatabaseGate,
    metrics,
    outcome::{Outcome, Settlement},
    settle,
};

/// All that is in hand is settled or released within 20 s: so long to be begun,
pub const START_WITHIN: Duration = Duration::from_secs(5);
/// so long to be stored,
pub const INSERT_WITHIN: Duration = Duration::from_secs(9);
/// and so long in all.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);

/// A message that was received and is not settled.
pub struct InHand {
    pub delivery: Delivery,
    /// When it was received.
    pub since: Instant,
    /// Its share of the bytes in hand.
    pub _bytes: Held,
}

/// Stores messages of one form type. Cloning shares what it uses.
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

    /// Carries each message to its settlement. `connection` is held for as long as the database is used.
    pub async fn handle(&self, in_hand: Vec<InHand>, connection: OwnedSemaphorePermit) {
        if in_hand.is_empty() {
            return;
        }
        let started = Instant::now();
        // Shared with the blocking call, so that whatever becomes of that, every message is here to be settled.
        let in_hand = Arc::new(in_hand);
        let storing = spawn_blocking({
            let (in_hand, form_type, store) =
                (Arc::clone(&in_hand), self.form_type.clone(), self.store.clone());
            move || store_all(&in_hand, &form_type, &store)
        });
        let (outcomes, away) = match timeout(INSERT_WITHIN, storing).await {
            Ok(Ok(stored)) => stored,
            // A panic, which is in the log; its place in a batch of others is another the next time.
            Ok(Err(_)) => (in_hand.iter().map(|_| Outcome::Undecided).collect(), None),
            // The server is frozen: nothing is known of any row.
            Err(_) => {
                let away = Unavailable { kind: UnavailableKind::DeadlinePassed, message: None };
                (in_hand.iter().map(|_| Outcome::Undecided).collect(), Some(away))
            }
        };
        drop(connection);
        metrics::inserted(in_hand.len(), started.elapsed());
        if let Some(away) = away {
            self.gate.shut(&away);
        }
        for (message, outcome) in in_hand.iter().zip(&outcomes) {
            log::debug!("{} {}", outcome.in_words(), message.delivery.received.named());
        }
        self.report(&outcomes, started);
        let settlements: Vec<Settlement> = outcomes.iter().map(Outcome::settlement).collect();
        self.settle(&in_hand, settlements).await;
    }

    /// Settles messages that were not begun.
    pub async fn give_back(&self, in_hand: Vec<InHand>, settlement: Settlement) {
        metrics::ended(self.form_type.name(), "released", in_hand.len());
        let settlements = vec![settlement; in_hand.len()];
        self.settle(&in_hand, settlements).await;
    }

    async fn settle(&self, in_hand: &[InHand], settlements: Vec<Settlement>) {
        let Some(oldest) = in_hand.iter().map(|message| message.since).min() else { return };
        let queue_is_gone =
            settle::all(&self.form_type, &self.pair, in_hand, settlements, oldest + SETTLE_WITHIN)
                .await;
        if queue_is_gone && let Err(error) = self.finder.pair().await {
            log::error!("A queue is missing. queue={} error=\"{error}\"", self.pair.invalid.name());
        }
    }

    fn report(&self, outcomes: &[Outcome], started: Instant) {
        let count =
            |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
        let stored = count(|outcome| matches!(outcome, Outcome::Stored));
        let already_stored = count(|outcome| matches!(outcome, Outcome::AlreadyStored));
        let released = count(|outcome| matches!(outcome, Outcome::Undecided));
        let form_type = self.form_type.name();
        for (how, messages) in
            [("stored", stored), ("already_stored", already_stored), ("released", released)]
        {
            metrics::ended(form_type, how, messages);
        }
        log::info!(
            "Stored a batch. form_type={form_type} messages={} stored={stored} already_stored={already_stored} \
             released={released} duration_ms={}",
            outcomes.len(),
            started.elapsed().as_millis(),
        );
    }
}

/// What became of each message, in order, and why the database is away if it is.
fn store_all(
    in_hand: &[InHand],
    form_type: &FormType,
    store: &Store,
) -> (Vec<Outcome>, Option<Unavailable>) {
    let mut records = Vec::with_capacity(in_hand.len());
    let decoded: Vec<Option<Outcome>> = in_hand
        .iter()
        .map(|message| {
            decode(&message.delivery, form_type).map(|record| records.push(record)).err()
        })
        .collect();
    let insertion = store.insert_once(&records);
    for (record, outcome) in records.iter().zip(&insertion.outcomes) {
        if let (RowOutcome::Stored, Some(received_at)) = (outcome, record.received_at) {
            metrics::stored(form_type.name(), received_at.into());
        }
    }
    // Each message that was decoded has a row's outcome, in order.
    let mut rows = insertion.outcomes.into_iter().map(Outcome::from);
    let outcomes = decoded
        .into_iter()
        .map(|refused| refused.or_else(|| rows.next()).unwrap_or(Outcome::Undecided))
        .collect();
    (outcomes, insertion.unavailable)
}

fn decode(delivery: &Delivery, form_type: &FormType) -> Result<Record, Outcome> {
    let decoded = delivery.received.decode(form_type).map_err(Outcome::Undecodable)?;
    if !decoded.unreadable.is_empty() {
        log::warn!(
            "A message has attributes that cannot be read and count as absent. {} attributes={:?}",
            delivery.received.named(),
            decoded.unreadable
        );
    }
    Ok(decoded.record)
}
