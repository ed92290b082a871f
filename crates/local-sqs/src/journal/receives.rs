//! How often messages were received, which outlives a restart so that the limit of a redrive policy
//! counts all receives.
//!
//! Receives do not wait for the disk. Their counts are written a second later, and only for
//! messages that are still there: most have been deleted by then and cost nothing. So a stop loses
//! no count, and a kill loses those of the last second or two.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How long a count waits in memory.
const WRITE_AFTER: Duration = Duration::from_secs(1);

/// Limits how long the writer is busy with counts while changes wait for it. If there are more, the
/// rest waits another second.
const WRITTEN_AT_ONCE: usize = 10_000;

/// How often a message was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receives {
    pub(crate) id: i64,
    /// From all queues.
    pub(crate) total: u32,
    /// From the queue that it is in now.
    pub(crate) here: u32,
    pub(crate) first_ms: Option<i64>,
}

/// The counts that are not on disk yet.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    by_message: Mutex<HashMap<i64, (Instant, Receives)>>,
}

impl Unwritten {
    /// Notes the latest counts of messages. A message that is received again and again is written
    /// every second all the same.
    pub(super) fn note(&self, counts: impl IntoIterator<Item = Receives>, now: Instant) {
        let mut by_message = self.by_message.lock();
        for receives in counts {
            by_message.entry(receives.id).or_insert((now, receives)).1 = receives;
        }
    }

    /// Drops the counts of messages that were deleted or have just been written.
    pub(super) fn forget(&self, ids: impl IntoIterator<Item = i64>) {
        let mut by_message = self.by_message.lock();
        if !by_message.is_empty() {
            for id in ids {
                by_message.remove(&id);
            }
        }
    }

    /// Takes some of the counts that have waited long enough.
    pub(super) fn take_due(&self, now: Instant) -> Vec<Receives> {
        let mut by_message = self.by_message.lock();
        let is_due = |_: &i64, (noted, _): &mut (Instant, Receives)| {
            now.saturating_duration_since(*noted) >= WRITE_AFTER
        };
        by_message.extract_if(is_due).take(WRITTEN_AT_ONCE).map(|(_, (_, counts))| counts).collect()
    }

    /// Takes all counts, for a stop.
    pub(super) fn take_all(&self) -> Vec<Receives> {
        self.by_message.lock().drain().map(|(_, (_, receives))| receives).collect()
    }

    /// Puts counts back that could not be written, unless there are newer ones.
    pub(super) fn put_back(&self, counts: Vec<Receives>, now: Instant) {
        let mut by_message = self.by_message.lock();
        for receives in counts {
            by_message.entry(receives.id).or_insert((now, receives));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receives(id: i64, total: u32) -> Receives {
        Receives { id, total, here: total, first_ms: Some(1) }
    }

    #[test]
    fn a_count_is_due_after_a_second_with_its_latest_value_however_often_it_changes() {
        let (unwritten, start) = (Unwritten::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        unwritten.note([receives(1, 1), receives(2, 1)], at(0));
        unwritten.note([receives(1, 2), receives(3, 1)], at(900));
        assert_eq!(unwritten.take_due(at(999)), []);
        unwritten.forget([2]);
        assert_eq!(unwritten.take_due(at(1000)), [receives(1, 2)]);
        assert_eq!(unwritten.take_due(at(1000)), []);
        assert_eq!(unwritten.take_all(), [receives(3, 1)]);
    }

    #[test]
    fn a_count_that_is_put_back_does_not_replace_a_newer_one() {
        let (unwritten, now) = (Unwritten::default(), Instant::now());
        unwritten.note([receives(1, 1), receives(2, 1)], now);
        let taken = unwritten.take_all();
        unwritten.note([receives(1, 2)], now);
        unwritten.put_back(taken, now);
        let mut all = unwritten.take_all();
        all.sort_by_key(|receives| receives.id);
        assert_eq!(all, [receives(1, 2), receives(2, 1)]);
    }

    #[test]
    fn many_counts_are_taken_in_parts() {
        let (unwritten, now) = (Unwritten::default(), Instant::now());
        unwritten.note((0..12_000).map(|id| receives(id, 1)), now);
        let later = now + WRITE_AFTER;
        assert_eq!(unwritten.take_due(later).len(), WRITTEN_AT_ONCE);
        assert_eq!(unwritten.take_due(later).len(), 2_000);
    }
}
