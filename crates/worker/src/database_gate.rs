//! Shut while the database is away: nothing is received then, so that receive counts are not burnt.

use std::{sync::Arc, time::Duration};

use service::backoff::Backoff;
use store::{Store, Unavailable};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::metrics;

/// A probe that takes longer is as good as none.
const PROBE_WITHIN: Duration = Duration::from_secs(10);

/// Cloning shares the gate.
#[derive(Clone)]
pub struct DatabaseGate {
    store: Store,
    open: Arc<watch::Sender<bool>>,
}

impl DatabaseGate {
    pub fn new(store: Store) -> Self {
        Self { store, open: Arc::new(watch::Sender::new(true)) }
    }

    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Returns when the database can store rows, as far as is known.
    pub async fn opened(&self) {
        // The sender is here, so that it cannot be gone.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Shuts the gate, and opens it when the database can store a row again.
    pub fn shut(&self, away: &Unavailable) {
        if !self.open.send_replace(false) {
            return;
        }
        metrics::database_is_up(false);
        log::error!(
            "The database is away, and nothing is received until it is back. reason=\"{away}\""
        );
        let gate = self.clone();
        tokio::spawn(async move {
            gate.wait_for_the_database().await;
            log::info!("The database is back.");
            metrics::database_is_up(true);
            gate.open.send_replace(true);
        });
    }

    async fn wait_for_the_database(&self) {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
        loop {
            sleep(backoff.next_wait()).await;
            let store = self.store.clone();
            match timeout(PROBE_WITHIN, spawn_blocking(move || store.probe())).await {
                Ok(Ok(Ok(()))) => return,
                Ok(Ok(Err(away))) => log::warn!("The database is still away. reason=\"{away}\""),
                Ok(Err(_)) | Err(_) => {
                    log::warn!("The database is still away. reason=\"it does not answer\"")
                }
            }
        }
    }
}
