//! Counts the kept messages that wait, for a metric.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{metrics::invalid, pipeline::Shared};

/// Other workers keep messages too, and people send them back.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Many new messages share a count.
const BETWEEN_COUNTS: Duration = Duration::from_secs(1);
/// A count reads an index of waiting messages only, so it takes this long only if PostgreSQL hangs.
const COUNT_WITHIN: Duration = Duration::from_secs(10);

/// Signals that a message was kept. Clones signal the same listener.
#[derive(Clone, Default)]
pub struct NewlyKept(Arc<Notify>);

impl NewlyKept {
    pub fn tell(&self) {
        self.0.notify_one();
    }
}

/// Keeps the metric up to date, forever. A failure changes nothing: the keepers report what is
/// missing.
pub async fn keep_counting(Shared { store, gate, turns, .. }: &Shared, form_types: Vec<String>) {
    // A form type that no longer has messages must show 0.
    let mut form_types: BTreeSet<String> = form_types.into_iter().collect();
    loop {
        gate.wait_until_open().await;
        let store = store.clone();
        let counts = timeout(COUNT_WITHIN, spawn_blocking(move || store.count_waiting())).await;
        if let Ok(Ok(Ok(counts))) = counts {
            form_types.extend(counts.iter().map(|(form_type, _)| form_type.clone()));
            for form_type in &form_types {
                let count = counts.iter().find(|(of, _)| of == form_type);
                invalid::set_waiting(form_type, count.map_or(0, |(_, count)| *count));
            }
        }
        sleep(BETWEEN_COUNTS).await;
        let _none_came = timeout(COUNT_EVERY, turns.newly_kept.0.notified()).await;
    }
}
