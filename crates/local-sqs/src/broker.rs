//! All queues of one server: storing, moving and deleting their messages.
//!
//! Memory follows disk: the closure that travels with a change applies it to the queue's state once
//! the change is durable. So clients never see anything that a crash could take back, and nothing
//! is lost if a client disconnects before its answer. No lock is held during a write, except the
//! one that runs administrative changes one after the other.

mod startup;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{
    error::ApiError,
    journal::{Change, Journal, SentMessage},
    queue::Queue,
    queue_settings,
    receipt::PublicIds,
    record::Record,
    records::Records,
    state::History,
};

/// Bytes of message contents kept in memory if they are on disk as well.
const RECORDS_IN_MEMORY: usize = 64 << 20;

/// Messages deleted in one change when a queue is purged, so that other changes get their turn in
/// between.
const PURGED_AT_ONCE: usize = 20_000;

#[derive(Debug)]
pub(crate) struct Broker {
    queues: RwLock<Queues>,
    pub(crate) records: Records,
    pub(crate) journal: Journal,
    pub(crate) public_ids: PublicIds,
    next_message: AtomicI64,
    next_receive: AtomicU64,
    next_queue: AtomicI64,
    /// Queues are created, changed and deleted one after the other. The guard travels with the
    /// change, so that it is held until the change is applied, even if the client has
    /// disconnected.
    pub(crate) administration: Arc<tokio::sync::Mutex<()>>,
    /// Ends long polls when the server stops.
    pub(crate) closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Queues {
    by_name: HashMap<String, Arc<Queue>>,
}

impl Broker {
    /// Keeps everything in memory.
    pub(crate) fn in_memory() -> Arc<Self> {
        Arc::new(Broker::new(Journal::Memory, Records::new(usize::MAX), rand::random(), 0))
    }

    fn new(journal: Journal, records: Records, seed: [u8; 16], last_message: i64) -> Self {
        Broker {
            queues: RwLock::default(),
            records,
            journal,
            public_ids: PublicIds::new(seed),
            next_message: AtomicI64::new(last_message + 1),
            // Random, so that a handle from before a restart is never mistaken for a new one.
            next_receive: AtomicU64::new(u64::from(rand::random::<u32>()) << 32),
            next_queue: AtomicI64::new(1),
            administration: Arc::default(),
            closing: CancellationToken::new(),
        }
    }

    /// Finds a queue by its URL. Only the last segment of the path counts; any host is accepted.
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

    /// Makes a change durable and applies it.
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
                // Sending fails only if the request was dropped meanwhile.
                let _ = answer.send(result);
            }),
        );
        match answered.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ApiError::internal()),
        }
    }

    /// Stores new messages and makes them visible.
    pub(crate) async fn send_messages(
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
                    state.add_sent(message.id, message.sent_ms, message.due_ms, now_ms);
                }
            });
        })
        .await
    }

    /// Deletes messages that were received from `queue`.
    pub(crate) async fn delete_messages(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        ids: Vec<i64>,
    ) -> Result<(), ApiError> {
        if ids.is_empty() {
            return Ok(());
        }
        let (broker, queue, deleted) = (Arc::clone(self), Arc::clone(queue), ids.clone());
        self.commit(Change::Delete(ids), move || {
            queue.with_state(|state, _| deleted.iter().for_each(|id| state.remove_received(*id)));
            broker.records.remove(&deleted);
        })
        .await
    }

    /// Deletes messages that have been removed from their queue; the future resolves once that is
    /// durable. The work is handed over before this returns, and continues if the future is
    /// dropped.
    pub(crate) fn discard_messages(
        self: &Arc<Self>,
        ids: &[i64],
    ) -> impl Future<Output = Result<(), ApiError>> + use<> {
        let mut answers = Vec::new();
        for chunk in ids.chunks(PURGED_AT_ONCE) {
            self.records.remove(chunk);
            let (answer, answered) = oneshot::channel();
            let done = Box::new(move |result| {
                // Sending fails only if nobody waits for it any more.
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

    /// Moves messages that were received too often from `queue`, whose state no longer contains
    /// them, to the dead-letter queue `to`. If that cannot be made durable, they return to
    /// `queue`.
    pub(crate) fn move_to_dead_letter_queue(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        to: &Arc<Queue>,
        messages: Vec<(i64, History)>,
    ) {
        if messages.is_empty() {
            return;
        }
        log::info!(
            queue = queue.name, dead_letter_queue = to.name, messages = messages.len();
            "Moving messages to the dead-letter queue: receive count exceeded."
        );
        let source: Arc<str> = queue_settings::arn(&queue.name).into();
        let change = Change::DeadLetter {
            messages: messages.clone(),
            to: to.id,
            source: Arc::clone(&source),
        };
        let (broker, queue, to) = (Arc::clone(self), Arc::clone(queue), Arc::clone(to));
        self.journal.submit(
            change,
            Box::new(move |result| {
                let new_queue = if result.is_ok() { to } else { queue };
                if result.is_ok() {
                    for (id, _) in &messages {
                        broker.records.update(*id, |record| record.moved_from(Arc::clone(&source)));
                    }
                }
                new_queue.with_state(|state, _| {
                    messages.iter().for_each(|(id, history)| state.add_received(*id, *history, 0));
                });
            }),
        );
    }

    /// Reads message contents, in the order of `ids`; `None` for a message that was deleted
    /// meanwhile.
    pub(crate) async fn read_contents(
        &self,
        ids: &[i64],
    ) -> Result<Vec<Option<Arc<Record>>>, ApiError> {
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
