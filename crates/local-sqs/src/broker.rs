//! All queues of one server, and how their messages come in, move and go.
//!
//! Memory follows disk: a change is applied to the state of its queue when it is durable, by the closure that travels
//! with it. So nothing is shown that a crash could take back, and nothing is lost when a client goes away before its
//! answer. No lock is held while anything is written, but for the one that puts administration in a row.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::journal::{Change, Journal, JournalError, Loaded, SentMessage};
use crate::queue::{Modified, Queue};
use crate::queue_settings::{self, QueueSettings};
use crate::receipt::Names;
use crate::record::Record;
use crate::records::Records;
use crate::state::History;

/// Bytes of message contents kept in memory when they are on disk as well.
const RECORDS_IN_MEMORY: usize = 64 << 20;

/// Messages deleted in one change when a queue is purged, so that others get their turn in between.
const PURGED_AT_ONCE: usize = 20_000;

#[derive(Debug)]
pub(crate) struct Broker {
    queues: RwLock<Queues>,
    pub(crate) records: Records,
    pub(crate) journal: Journal,
    pub(crate) names: Names,
    next_message: AtomicI64,
    next_receive: AtomicU64,
    next_queue: AtomicI64,
    /// Creating, changing and deleting queues go one after the other. The guard travels with the change, so that it is
    /// held until the change is applied even if the client has gone.
    pub(crate) administration: Arc<tokio::sync::Mutex<()>>,
    /// Ends long polls when the server stops.
    pub(crate) closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Queues {
    by_name: HashMap<String, Arc<Queue>>,
}

impl Broker {
    /// Everything in memory.
    pub(crate) fn in_memory() -> Arc<Self> {
        Arc::new(Broker::new(Journal::Memory, Records::new(usize::MAX), rand::random(), 0))
    }

    /// With what is in `directory`, and kept there.
    pub(crate) fn on_disk(directory: &Path) -> Result<Arc<Self>, JournalError> {
        Broker::with_records(directory, Records::new(RECORDS_IN_MEMORY))
    }

    fn with_records(directory: &Path, records: Records) -> Result<Arc<Self>, JournalError> {
        let (journal, loaded) = Journal::open(directory)?;
        let broker = Arc::new(Broker::new(journal, records, loaded.seed, loaded.ids_reserved));
        let orphans = broker.load(loaded)?;
        drop(broker.discard(&orphans));
        Ok(broker)
    }

    fn new(journal: Journal, records: Records, seed: [u8; 16], last_message: i64) -> Self {
        Broker {
            queues: RwLock::default(),
            records,
            journal,
            names: Names::new(seed),
            next_message: AtomicI64::new(last_message + 1),
            // Random, so that a handle of before a restart is never taken for a new one.
            next_receive: AtomicU64::new(u64::from(rand::random::<u32>()) << 32),
            next_queue: AtomicI64::new(1),
            administration: Arc::default(),
            closing: CancellationToken::new(),
        }
    }

    /// Takes over what was on disk; gives the messages of queues that are deleted.
    fn load(&self, loaded: Loaded) -> Result<Vec<i64>, JournalError> {
        let mut by_id = HashMap::new();
        let messages = loaded.messages.len();
        for queue in loaded.queues {
            let settings = QueueSettings::default().with(&queue.attributes).map_err(|error| {
                JournalError::Content(format!(
                    "attributes of queue {}: {}",
                    queue.name, error.message
                ))
            })?;
            let modified =
                Modified { settings: Arc::new(settings), modified_ms: queue.modified_ms };
            let queue = Arc::new(Queue::new(queue.id, queue.name, queue.created_ms, modified));
            self.next_queue.fetch_max(queue.id + 1, Ordering::Relaxed);
            by_id.insert(queue.id, Arc::clone(&queue));
            self.insert_queue(queue);
        }
        let mut orphans = Vec::new();
        for message in loaded.messages {
            match by_id.get(&message.queue) {
                Some(queue) => queue.with_state(|state, now_ms| {
                    state.add(message.id, message.sent_ms, message.due_ms, now_ms);
                }),
                None => {
                    orphans.push(message.id);
                    // The number must not go to a new queue while rows carry it.
                    self.next_queue.fetch_max(message.queue + 1, Ordering::Relaxed);
                }
            }
        }
        log::info!("Read the data directory. queues={} messages={messages}", by_id.len());
        Ok(orphans)
    }

    /// The queue that a queue URL names, whatever its host: the last segment of the path counts.
    pub(crate) fn queue_by_url(&self, url: Option<&str>) -> Result<Arc<Queue>, ApiError> {
        let url = url.filter(|url| !url.is_empty()).ok_or_else(|| ApiError::missing("QueueUrl"))?;
        let name = url.rsplit('/').next().unwrap_or_default();
        self.queue(name).ok_or_else(ApiError::no_such_queue)
    }

    pub(crate) fn queue(&self, name: &str) -> Option<Arc<Queue>> {
        self.queues.read().by_name.get(name).cloned()
    }

    /// The names of all queues that start with `prefix`, sorted.
    pub(crate) fn queue_names(&self, prefix: &str) -> Vec<String> {
        let queues = self.queues.read();
        let mut names: Vec<String> =
            queues.by_name.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn new_queue_id(&self) -> i64 {
        self.next_queue.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn insert_queue(&self, queue: Arc<Queue>) {
        let mut queues = self.queues.write();
        queues.by_name.insert(queue.name.clone(), queue);
    }

    pub(crate) fn remove_queue(&self, queue: &Queue) {
        let mut queues = self.queues.write();
        queues.by_name.remove(&queue.name);
        queue.mark_deleted();
    }

    /// The first of `count` consecutive numbers for new messages.
    pub(crate) fn new_message_ids(&self, count: usize) -> i64 {
        self.next_message.fetch_add(i64::try_from(count).unwrap_or(i64::MAX), Ordering::Relaxed)
    }

    pub(crate) fn new_receive(&self) -> u64 {
        self.next_receive.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a change durable, applies it, and says how it went.
    pub(crate) async fn commit(
        &self,
        change: Change,
        apply: impl FnOnce() + Send + 'static,
    ) -> Result<(), ApiError> {
        let (answer, answered) = oneshot::channel();
        self.journal.submit(
            change,
            Box::new(move |result| {
                if result.is_ok() {
                    apply();
                }
                // Whoever asked may have gone.
                let _ = answer.send(result);
            }),
        );
        match answered.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ApiError::internal()),
        }
    }

    /// Stores new messages and makes them visible.
    pub(crate) async fn send(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        messages: Vec<SentMessage>,
    ) -> Result<(), ApiError> {
        let (broker, queue, sent) = (Arc::clone(self), Arc::clone(queue), messages.clone());
        self.commit(Change::Send(messages), move || {
            broker
                .records
                .insert(sent.iter().map(|message| (message.id, Arc::clone(&message.record))));
            queue.with_state(|state, now_ms| {
                for message in &sent {
                    state.add(message.id, message.sent_ms, message.due_ms, now_ms);
                }
            });
        })
        .await
    }

    /// Deletes messages that were received from `queue`.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        ids: Vec<i64>,
    ) -> Result<(), ApiError> {
        if ids.is_empty() {
            return Ok(());
        }
        let (broker, queue, deleted) = (Arc::clone(self), Arc::clone(queue), ids.clone());
        self.commit(Change::Delete(ids), move || {
            queue.with_state(|state, _| deleted.iter().for_each(|id| state.remove(*id)));
            broker.records.remove(&deleted);
        })
        .await
    }

    /// Deletes messages that are in no queue any more, and resolves when that is durable. The work is handed over
    /// before this returns, and goes on when the future is dropped.
    pub(crate) fn discard(
        self: &Arc<Self>,
        ids: &[i64],
    ) -> impl Future<Output = Result<(), ApiError>> + use<> {
        let mut answers = Vec::new();
        for chunk in ids.chunks(PURGED_AT_ONCE) {
            self.records.remove(chunk);
            let (answer, answered) = oneshot::channel();
            let done = Box::new(move |result| {
                // Whoever asked may have gone.
                let _ = answer.send(result);
            });
            self.journal.submit(Change::Delete(chunk.to_vec()), done);
            answers.push(answered);
        }
        async move {
            for answered in answers {
                answered
                    .await
                    .map_err(|_| ApiError::internal())?
                    .map_err(|_| ApiError::internal())?;
            }
            Ok(())
        }
    }

    /// Moves messages that were received too often from `queue`, whose state has them no more, to the dead-letter
    /// queue `to`. They come back if that cannot be made durable.
    pub(crate) fn bury(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        to: &Arc<Queue>,
        messages: Vec<(i64, History)>,
    ) {
        if messages.is_empty() {
            return;
        }
        log::info!(
            "Messages were received too often and move. queue={} dead_letter_queue={} messages={}",
            queue.name,
            to.name,
            messages.len()
        );
        let source: Arc<str> = queue_settings::arn(&queue.name).into();
        let change = Change::Bury {
            ids: messages.iter().map(|(id, _)| *id).collect(),
            to: to.id,
            source: Arc::clone(&source),
        };
        let (broker, queue, to) = (Arc::clone(self), Arc::clone(queue), Arc::clone(to));
        self.journal.submit(
            change,
            Box::new(move |result| {
                let goes_to = if result.is_ok() { to } else { queue };
                if result.is_ok() {
                    for (id, _) in &messages {
                        broker.records.update(*id, |record| record.buried(Arc::clone(&source)));
                    }
                }
                goes_to.with_state(|state, _| {
                    messages.iter().for_each(|(id, history)| state.add_received(*id, *history));
                });
            }),
        );
    }

    /// The contents of messages, in the order of `ids`; `None` for one that was deleted meanwhile.
    pub(crate) async fn contents(&self, ids: &[i64]) -> Result<Vec<Option<Arc<Record>>>, ApiError> {
        let mut records = self.records.get(ids);
        let missing: Vec<i64> = ids
            .iter()
            .zip(&records)
            .filter(|(_, record)| record.is_none())
            .map(|(id, _)| *id)
            .collect();
        if !missing.is_empty() {
            let read = self.journal.read(missing).await.map_err(|_| ApiError::internal())?;
            let empty = records.iter_mut().filter(|record| record.is_none());
            empty.zip(read).for_each(|(place, record)| *place = record);
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests;
