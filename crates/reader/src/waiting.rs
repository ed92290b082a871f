//! Requests that wait for a new row.
//!
//! One task for the whole process advances the watermark while anybody waits, and wakes them all if
//! it has moved.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use store::Store;
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{metrics, refusal::Refusal};

const EVERY: Duration = Duration::from_millis(25);
/// After a failure, for example because the primary is away.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Rows that come one after the other are one reason to look: each request looks after this time.
const GATHER: Duration = Duration::from_millis(50);
/// Each request looks again after this time in any case: a replica shows a row later than the
/// primary, and erasures have a watermark of their own, which workers advance.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many requests of one client may wait.
const MOST_OF_CLIENT: usize = 50;

/// Those who wait. Clones share them.
#[derive(Clone)]
pub struct Waiting(Arc<Inner>);

struct Inner {
    watermark: watch::Sender<i64>,
    by_client: Mutex<HashMap<String, usize>>,
    somebody: Notify,
    stop: CancellationToken,
}

/// A request that waits, until it is dropped.
pub struct Waiter {
    waiting: Waiting,
    client: String,
    watermark: watch::Receiver<i64>,
}

impl Waiting {
    /// `stop` ends all waits.
    pub fn new(stop: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            watermark: watch::Sender::new(0),
            by_client: Mutex::default(),
            somebody: Notify::new(),
            stop,
        }))
    }

    /// One more request that waits.
    ///
    /// # Errors
    /// The client has too many.
    pub fn join(&self, client: &str) -> Result<Waiter, Refusal> {
        let mut by_client = self.0.by_client.lock();
        let count = by_client.entry(client.to_owned()).or_default();
        if *count >= MOST_OF_CLIENT {
            return Err(Refusal::TooManyRequests(AFTER_FAILURE));
        }
        *count += 1;
        record(&by_client);
        self.0.somebody.notify_one();
        let watermark = self.0.watermark.subscribe();
        Ok(Waiter { waiting: self.clone(), client: client.to_owned(), watermark })
    }

    /// Advances the watermark while anybody waits. Never returns.
    pub async fn keep_advancing(&self, primary: Store) {
        loop {
            if self.0.by_client.lock().is_empty() {
                self.0.somebody.notified().await;
            }
            let store = primary.clone();
            let step = spawn_blocking(move || store.advance_watermark()).await;
            match step {
                Ok(Ok(step)) => {
                    if let Some(step) = step {
                        self.0.watermark.send_if_modified(|watermark| {
                            let has_moved = *watermark != step.id;
                            *watermark = step.id;
                            has_moved
                        });
                    }
                    sleep(EVERY).await;
                }
                Ok(Err(_)) | Err(_) => sleep(AFTER_FAILURE).await,
            }
        }
    }
}

impl Waiter {
    /// Waits until there may be a new row. `false` if it is time to answer.
    pub async fn new_row(&mut self, until: Instant) -> bool {
        let stop = &self.waiting.0.stop;
        tokio::select! {
            () = stop.cancelled() => false,
            () = sleep_until(until) => false,
            () = sleep(LOOK_AGAIN) => true,
            changed = self.watermark.changed() => {
                sleep(GATHER.min(until.saturating_duration_since(Instant::now()))).await;
                self.watermark.borrow_and_update();
                changed.is_ok()
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut by_client = self.waiting.0.by_client.lock();
        if let Some(count) = by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                by_client.remove(&self.client);
            }
        }
        record(&by_client);
    }
}

fn record(by_client: &HashMap<String, usize>) {
    metrics::set_waiting(by_client.values().sum());
}
