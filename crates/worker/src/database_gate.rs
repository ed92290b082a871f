//! A gate that is shut while the database is unavailable. The worker receives nothing then, because
//! every delivery counts towards the limit after which SQS gives a message up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use service::{backoff::Backoff, must_live::must_live};
use store::{Store, Unavailable};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::metrics;

/// A probe that takes longer counts as failed.
const PROBE_WITHIN: Duration = Duration::from_secs(10);

fn probe_backoff() -> Backoff {
    Backoff::new(Duration::from_millis(250), Duration::from_secs(5))
}

/// Clones share the gate.
#[derive(Clone)]
pub struct DatabaseGate {
    store: Store,
    open: Arc<watch::Sender<bool>>,
    /// Whether a task asks the database until it answers.
    asks: Arc<AtomicBool>,
}

impl DatabaseGate {
    pub fn new(store: Store) -> Self {
        Self { store, open: Arc::new(watch::Sender::new(true)), asks: Arc::default() }
    }

    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Returns when the database can store rows, as far as the worker knows.
    pub async fn wait_until_open(&self) {
        // This cannot fail, because `self` holds the sender.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Shuts the gate, and opens it when the database can store a row again.
    pub fn shut(&self, unavailable: &Unavailable) {
        if !self.open.send_replace(false) {
            return;
        }
        metrics::set_database_up(false);
        log::error!(
            reason:% = unavailable;
            "The database is unavailable. The worker receives nothing until it is back."
        );
        let gate = self.clone();
        tokio::spawn(must_live("probe of the database", async move {
            gate.wait_for_database().await;
            log::info!("The database is back.");
            metrics::set_database_up(true);
            gate.open.send_replace(true);
        }));
    }

    /// Notes whether the database has answered the health page. If not, the metric would stay red
    /// until somebody asks again, so this asks until it answers.
    pub fn record_answer(&self, has_answered: bool) {
        metrics::set_database_up(has_answered && self.is_open());
        if has_answered || self.asks.swap(true, Ordering::AcqRel) {
            return;
        }
        let gate = self.clone();
        tokio::spawn(must_live("question to the database", async move {
            let mut backoff = probe_backoff();
            loop {
                sleep(backoff.next_wait()).await;
                let store = gate.store.clone();
                if let Ok(Ok(Ok(()))) =
                    timeout(PROBE_WITHIN, spawn_blocking(move || store.ping())).await
                {
                    break;
                }
            }
            gate.asks.store(false, Ordering::Release);
            gate.record_answer(true);
        }));
    }

    async fn wait_for_database(&self) {
        let mut backoff = probe_backoff();
        loop {
            sleep(backoff.next_wait()).await;
            let store = self.store.clone();
            let reason = match timeout(PROBE_WITHIN, spawn_blocking(move || store.probe())).await {
                Ok(Ok(Ok(()))) => return,
                Ok(Ok(Err(unavailable))) => unavailable.to_string(),
                Ok(Err(_)) | Err(_) => "it does not answer".to_owned(),
            };
            log::warn!(reason; "The database is still unavailable.");
        }
    }
}
