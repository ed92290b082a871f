//! Decodes and stores what is in hand, and has it settled.

use std::time::Duration;

use domain::{FormType, Record};
use queue::{Delivery, Queue, QueuePair};
use store::{Away, AwayKind, Insertion, RowOutcome, Store};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::spawn_blocking,
    time::{Instant, timeout},
};

use crate::{
    bytes_in_hand::Held,
    database_gate::DatabaseGate,
    outcome::{Outcome, Settlement},
    settle,
};

/// All that is in hand is settled or released within 20 s: so long to be begun,
pub const START_WITHIN: Duration = Duration::from_secs(5);
/// so long to be stored, and what remains to be settled.
pub const INSERT_WITHIN: Duration = Duration::from_secs(9);

/// A message that was received and is not settled.
pub struct InHand {
    pub delivery: Delivery,
    /// When it was received.
    pub since: Instant,
    /// Its share of the bytes in hand.
    pub bytes: Held,
}

/// Stores messages of one form type. Cloning shares what it uses.
#[derive(Clone)]
pub struct Handler {
    form_type: FormType,
    pair: QueuePair,
    store: Store,
    gate: DatabaseGate,
}

impl Handler {
    pub fn new(form_type: FormType, pair: QueuePair, store: Store, gate: DatabaseGate) -> Self {
        Self { form_type, pair, store, gate }
    }

    pub fn queue(&self) -> &Queue {
        &self.pair.form
    }

    pub fn gate(&self) -> &DatabaseGate {
        &self.gate
    }

    /// Carries each message to its settlement. `connection` is held for as long as the database is used.
    pub async fn handle(&self, in_hand: Vec<InHand>, connection: OwnedSemaphorePermit) {
        let started = Instant::now();
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(in_hand.len());
        let mut records = Vec::with_capacity(in_hand.len());
        for message in &in_hand {
            let decoded = self.decode(&message.delivery);
            outcomes.push(decoded.map(|record| records.push(record)).err());
        }
        let mut rows = self.insert(records).await.into_iter();
        drop(connection);
        // Each message that was decoded has a row's outcome, in order.
        let outcomes =
            outcomes.into_iter().map(|outcome| outcome.or_else(|| rows.next()).unwrap_or(Outcome::Undecided));
        let outcomes: Vec<Outcome> = outcomes.collect();
        report(&outcomes, self.form_type.name(), started);
        self.settle(in_hand, outcomes.iter().map(Outcome::settlement).collect()).await;
    }

    /// Settles messages that were not begun.
    pub async fn give_back(&self, in_hand: Vec<InHand>, settlement: Settlement) {
        let settlements = vec![settlement; in_hand.len()];
        self.settle(in_hand, settlements).await;
    }

    async fn settle(&self, in_hand: Vec<InHand>, settlements: Vec<Settlement>) {
        // The bytes are in hand until all is settled.
        let (deliveries, _bytes): (Vec<_>, Vec<_>) =
            in_hand.into_iter().map(|message| (message.delivery, message.bytes)).unzip();
        settle::all(&self.pair, deliveries, settlements).await;
    }

    fn decode(&self, delivery: &Delivery) -> Result<Record, Outcome> {
        let decoded = delivery.received.decode(&self.form_type).map_err(Outcome::Undecodable)?;
        if !decoded.unreadable.is_empty() {
            log::warn!(
                "A message has attributes that cannot be read and count as absent. message_id={} attributes={:?}",
                delivery.received.message_id,
                decoded.unreadable
            );
        }
        Ok(decoded.record)
    }

    async fn insert(&self, records: Vec<Record>) -> Vec<Outcome> {
        let count = records.len();
        if count == 0 {
            return Vec::new();
        }
        let store = self.store.clone();
        let insertion = timeout(INSERT_WITHIN, spawn_blocking(move || store.insert_once(&records))).await;
        let Insertion { outcomes, away } = match insertion {
            Ok(Ok(insertion)) => insertion,
            // The server is frozen, or the call panicked: nothing is known of any row.
            Ok(Err(_)) | Err(_) => Insertion {
                outcomes: vec![RowOutcome::Undecided; count],
                away: Some(Away { kind: AwayKind::DeadlinePassed, message: None }),
            },
        };
        if let Some(away) = away {
            self.gate.shut(&away);
        }
        outcomes.into_iter().map(Outcome::from).collect()
    }
}

fn report(outcomes: &[Outcome], form_type: &str, started: Instant) {
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
    log::info!(
        "Stored a batch. form_type={form_type} messages={} stored={} already_stored={} released={} duration_ms={}",
        outcomes.len(),
        count(|outcome| matches!(outcome, Outcome::Stored)),
        count(|outcome| matches!(outcome, Outcome::AlreadyStored)),
        count(|outcome| matches!(outcome, Outcome::Undecided)),
        started.elapsed().as_millis(),
    );
}
