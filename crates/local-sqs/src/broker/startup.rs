//! Starts a broker with the content of its data directory.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use super::{Broker, RECORDS_IN_MEMORY};
use crate::{
    journal::{Journal, JournalError, Loaded, Receives},
    queue::{CurrentSettings, Queue},
    queue_settings::QueueSettings,
    records::Records,
    state::History,
};

impl Broker {
    /// Loads the content of `directory`, and stores every change there.
    pub(crate) fn on_disk(directory: &Path) -> Result<Arc<Self>, JournalError> {
        Broker::with_records(directory, Records::new(RECORDS_IN_MEMORY))
    }

    pub(super) fn with_records(
        directory: &Path,
        records: Records,
    ) -> Result<Arc<Self>, JournalError> {
        let (journal, loaded) = Journal::open(directory)?;
        let broker = Arc::new(Broker::new(journal, records, loaded.seed, loaded.ids_reserved));
        let orphans = broker.take_over(loaded)?;
        drop(broker.discard_messages(&orphans));
        Ok(broker)
    }

    /// Takes over the content of the disk; returns messages whose queue was deleted, or of which only
    /// the receive count is left.
    fn take_over(&self, loaded: Loaded) -> Result<Vec<i64>, JournalError> {
        let mut by_id = HashMap::new();
        let messages = loaded.messages.len();
        for queue in loaded.queues {
            let settings = QueueSettings::default().with(&queue.attributes).map_err(|error| {
                JournalError::Content(format!(
                    "attributes of queue {}: {}",
                    queue.name, error.message
                ))
            })?;
            let settings =
                CurrentSettings { settings: Arc::new(settings), modified_ms: queue.modified_ms };
            let queue = Arc::new(Queue::new(queue.id, queue.name, queue.created_ms, settings));
            self.next_queue.fetch_max(queue.id + 1, Ordering::Relaxed);
            by_id.insert(queue.id, Arc::clone(&queue));
            self.insert_queue(queue);
        }
        let mut orphans = Vec::new();
        let mut receives = loaded.receives;
        for message in loaded.messages {
            let received = receives.remove(&message.id);
            match by_id.get(&message.queue) {
                Some(queue) => queue.with_state(|state, now_ms| match received {
                    Some(Receives { total, here, first_ms, .. }) => {
                        let sent_ms = message.sent_ms;
                        let history =
                            History { sent_ms, first_receive_ms: first_ms, receives: total };
                        state.add_received(message.id, history, here);
                    }
                    None => state.add_sent(message.id, message.sent_ms, message.due_ms, now_ms),
                }),
                None => {
                    orphans.push(message.id);
                    // No new queue may get this number while rows have it.
                    self.next_queue.fetch_max(message.queue + 1, Ordering::Relaxed);
                }
            }
        }
        orphans.extend(receives.into_keys());
        log::info!(queues = by_id.len(), messages; "Read the data directory.");
        Ok(orphans)
    }
}
