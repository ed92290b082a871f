//! The changes that the writer makes durable.

use std::{collections::BTreeMap, sync::Arc};

use crate::{record::Record, state::History};

/// Bytes that a row adds to the write-ahead log besides its content.
const ROW_BYTES: usize = 200;

/// One change, done completely or not at all.
#[derive(Debug)]
pub(crate) enum Change {
    CreateQueue {
        id: i64,
        name: String,
        created_ms: i64,
        attributes: BTreeMap<String, String>,
    },
    SetAttributes {
        id: i64,
        modified_ms: i64,
        attributes: BTreeMap<String, String>,
    },
    /// Deletes the queue only. Its messages are deleted afterwards, or at the next start.
    DeleteQueue {
        id: i64,
    },
    Send(Vec<SentMessage>),
    Delete(Vec<i64>),
    /// Moves messages to the dead-letter queue with the id `to`; `source` is the ARN of the queue
    /// that they come from.
    DeadLetter {
        messages: Vec<(i64, History)>,
        to: i64,
        source: Arc<str>,
    },
}

impl Change {
    /// Whether it makes the data grow. Such a change is refused while the disk is full, so that
    /// the rest of the disk is there for deletes.
    pub(super) fn adds_data(&self) -> bool {
        matches!(self, Change::Send(_) | Change::CreateQueue { .. })
    }

    /// Estimates how many bytes it adds to the write-ahead log.
    pub(super) fn log_bytes(&self) -> usize {
        match self {
            Change::Send(messages) => {
                messages.iter().map(|message| ROW_BYTES + message.record.size()).sum()
            }
            // Neighbouring rows share pages.
            Change::Delete(ids) => ids.len() * ROW_BYTES,
            Change::DeadLetter { messages, .. } => messages.len() * ROW_BYTES,
            Change::CreateQueue { .. }
            | Change::SetAttributes { .. }
            | Change::DeleteQueue { .. } => ROW_BYTES,
        }
    }
}

/// A message as it is written.
#[derive(Debug, Clone)]
pub(crate) struct SentMessage {
    pub(crate) id: i64,
    pub(crate) queue: i64,
    pub(crate) sent_ms: i64,
    pub(crate) due_ms: i64,
    pub(crate) record: Arc<Record>,
}

/// The change was not made durable; the cause has been logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotDurable;

/// Runs once the change is durable or has failed. It runs on the writer's thread, in the order of
/// the changes, even if nobody waits for the answer any more: memory must match the disk.
pub(crate) type Done = Box<dyn FnOnce(Result<(), NotDurable>) + Send>;

/// Groups ids into ranges of consecutive ones (both ends included), so that one statement handles
/// many rows.
pub(super) fn ranges(ids: &[i64]) -> Vec<(i64, i64)> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for id in sorted {
        match ranges.last_mut() {
            Some((_, last)) if id <= last.saturating_add(1) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn ranges_contain_exactly_the_given_ids() {
        assert_eq!(ranges(&[5, 3, 4, 9, 1, 9]), [(1, 1), (3, 5), (9, 9)]);
        assert!(ranges(&[]).is_empty());
    }
}
