//! The messages' contents in memory: all of them without a data directory, else a bounded part.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::record::Record;
use parking_lot::{Mutex, MutexGuard};

/// Contents by message number, dropped oldest first when there is more than fits.
#[derive(Debug)]
pub(crate) struct Records {
    inner: Mutex<Inner>,
    /// Bytes, as [`Record::weight`] counts them.
    capacity: usize,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<i64, Arc<Record>>,
    /// In order of arrival, with numbers that are already gone; see [`Inner::compact`].
    order: VecDeque<i64>,
    weight: usize,
}

impl Records {
    /// `capacity` in bytes; `usize::MAX` keeps everything.
    pub(crate) fn new(capacity: usize) -> Self {
        Records { inner: Mutex::default(), capacity }
    }

    pub(crate) fn insert(&self, records: impl IntoIterator<Item = (i64, Arc<Record>)>) {
        let mut inner = self.lock();
        for (id, record) in records {
            inner.weight += record.weight();
            inner.by_id.insert(id, record);
            inner.order.push_back(id);
        }
        while inner.weight > self.capacity {
            let Some(oldest) = inner.order.pop_front() else { break };
            inner.remove(oldest);
        }
    }

    /// The content of each of `ids`, where it is in memory.
    pub(crate) fn get(&self, ids: &[i64]) -> Vec<Option<Arc<Record>>> {
        let inner = self.lock();
        ids.iter().map(|id| inner.by_id.get(id).cloned()).collect()
    }

    pub(crate) fn remove(&self, ids: &[i64]) {
        let mut inner = self.lock();
        for id in ids {
            inner.remove(*id);
        }
        inner.compact();
    }

    /// Puts another content in the place of one that is in memory.
    pub(crate) fn update(&self, id: i64, change: impl FnOnce(&Record) -> Record) {
        let mut inner = self.lock();
        if let Some(record) = inner.by_id.get_mut(&id) {
            *record = Arc::new(change(record));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

impl Inner {
    fn remove(&mut self, id: i64) {
        if let Some(record) = self.by_id.remove(&id) {
            self.weight = self.weight.saturating_sub(record.weight());
        }
    }

    /// Keeps `order` at most twice as long as what is there, at a constant cost per removal over time.
    fn compact(&mut self) {
        if self.order.len() > 2 * self.by_id.len() + 1024 {
            let by_id = &self.by_id;
            self.order.retain(|id| by_id.contains_key(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Extras;

    fn record(bytes: usize) -> Arc<Record> {
        Arc::new(Record::new("x".repeat(bytes), Extras::default(), None))
    }

    #[test]
    fn the_oldest_contents_go_when_there_is_more_than_fits() {
        let records = Records::new(3 * record(1000).weight());
        records.insert((0..5).map(|id| (id, record(1000))));
        let there: Vec<bool> = records.get(&[0, 1, 2, 3, 4]).iter().map(Option::is_some).collect();
        assert_eq!(there, [false, false, true, true, true]);
    }

    #[test]
    fn what_is_removed_makes_room_and_leaves_nothing_behind() {
        let records = Records::new(2 * record(1000).weight());
        for id in 0..10_000 {
            records.insert([(id, record(1000))]);
            records.remove(&[id]);
        }
        let inner = records.lock();
        assert_eq!((inner.by_id.len(), inner.weight), (0, 0));
        assert!(inner.order.len() <= 1025, "{}", inner.order.len());
    }
}
