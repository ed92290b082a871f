//! Recognises messages of erased submissions among those that are about to be set aside.
//!
//! The store recognises those that it could store. A message that cannot be decoded never gets
//! there: without this, each delivery would put content that was erased on the invalid queue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use store::{Store, UnavailableKind};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use crate::{
    database_gate::DatabaseGate,
    in_flight::InFlight,
    metrics,
    outcome::{Outcome, Settlement},
};

/// The invalid queue can wait no longer: the message must be settled in time.
const WITHIN: Duration = Duration::from_secs(1);
const CHECK_EVERY: Duration = Duration::from_secs(15);
const CHECK_WITHIN: Duration = Duration::from_secs(10);
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// Asks the database which submissions were erased. Clones share what the last check has found.
#[derive(Clone)]
pub struct Tombstones {
    store: Store,
    gate: DatabaseGate,
    may_ask: Arc<AtomicBool>,
}

impl Tombstones {
    pub fn new(store: Store, gate: DatabaseGate) -> Self {
        Self { store, gate, may_ask: Arc::new(AtomicBool::new(true)) }
    }

    /// Turns the outcome of each message whose submission was erased into "already stored". If the
    /// database does not say, the message is set aside, and whoever keeps it asks again.
    pub async fn recognise(&self, messages: &[InFlight], outcomes: &mut [Outcome]) {
        let is_set_aside =
            |outcome: &Outcome| matches!(outcome.settlement(), Settlement::SetAside { .. });
        let ids: Vec<_> = messages
            .iter()
            .zip(outcomes.iter())
            .filter(|(_, outcome)| is_set_aside(outcome))
            .map(|(message, _)| {
                let received = &message.delivery.received;
                (received.submission_id(), received.first_message_id().to_owned())
            })
            .collect();
        if ids.is_empty() {
            return;
        }
        let store = self.store.clone();
        let asking = spawn_blocking(move || {
            let ids: Vec<_> =
                ids.iter().map(|(id, message_id)| (*id, message_id.as_str())).collect();
            store.are_erased(&ids)
        });
        let erased = match timeout(WITHIN, asking).await {
            Ok(Ok(Ok(erased))) => erased,
            Ok(Ok(Err(unavailable))) => {
                let is_reported = unavailable.kind == UnavailableKind::StatementFailed
                    && !self.may_ask.load(Ordering::Relaxed);
                if !is_reported {
                    warn_of_no_answer(&unavailable.to_string());
                }
                return;
            }
            // It has panicked, which the panic hook has logged.
            Ok(Err(_)) => return,
            Err(_) => return warn_of_no_answer("no answer in time"),
        };
        let set_aside = outcomes.iter_mut().filter(|outcome| is_set_aside(outcome));
        for (outcome, _) in set_aside.zip(erased).filter(|(_, is_erased)| *is_erased) {
            *outcome = Outcome::AlreadyStored;
        }
    }

    /// Checks forever whether the right to ask is there, so that a person learns of it before the
    /// first invalid message. Storing goes on without it.
    pub async fn keep_checking(&self) {
        let mut warned: Option<Instant> = None;
        loop {
            self.gate.wait_until_open().await;
            let store = self.store.clone();
            let asking = spawn_blocking(move || store.may_ask_for_erased());
            // If the database does not answer, the gate says so.
            if let Ok(Ok(Ok(may_ask))) = timeout(CHECK_WITHIN, asking).await {
                self.may_ask.store(may_ask, Ordering::Relaxed);
                metrics::invalid::set_recognises_erased(may_ask);
                if !may_ask && warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                    warned = Some(Instant::now());
                    log::error!(
                        "Cannot ask which submissions were erased, so invalid messages of erased submissions are set \
                         aside. Storing goes on. Give the worker's role EXECUTE on is_erased, forms_with_ids and \
                         message_ids_are_unique: run `worker migrate`, then `deploy/postgres/roles.sql`."
                    );
                }
            }
            sleep(CHECK_EVERY).await;
        }
    }
}

fn warn_of_no_answer(reason: &str) {
    log::warn!(reason; "The database does not say which invalid messages are of erased submissions.");
}
