//! Message contents in memory: all of them without a data directory, otherwise a limited part.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};

use crate::record::Record;

/// Contents by message number. The oldest are dropped if they take more than `capacity`.
#[derive(Debug)]
pub(crate) struct Records {
    inner: Mutex<Inner>,
    /// In bytes, as [`Record::memory_bytes`] counts them.
    capacity: usize,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<i64, Arc<Record>>,
    /// In order of arrival; includes removed messages, see [`Inner::compact`].
    order: VecDeque<i64>,
    bytes: usize,
}

impl Records {
    /// `capacity` is in bytes; `usize::MAX` keeps everything.
    pub(crate) fn new(capacity: usize) -> Self {
        Records { inner: Mutex::default(), capacity }
    }

    pub(crate) fn insert(&self, records: impl IntoIterator<Item = (i64, Arc<Record>)>) {
        let mut inner = self.lock();
        for (id, record) in records {
            inner.bytes += record.memory_bytes();
            inner.by_id.insert(id, record);
            inner.order.push_back(id);
        }
        while inner.bytes > self.capacity {
            let Some(oldest) = inner.order.pop_front() else { break };
            inner.remove(oldest);
        }
    }

    /// The content of each of `ids`, if it is in memory.
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

    /// Replaces a content, if it is in memory.
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
            self.bytes = self.bytes.saturating_sub(record.memory_bytes());
        }
    }

    /// Keeps `order` at most about twice as long as the number of contents, at an amortised
    /// constant cost per removal.
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
    fn the_oldest_contents_are_dropped_if_they_do_not_all_fit() {
        let records = Records::new(3 * record(1000).memory_bytes());
        records.insert((0..5).map(|id| (id, record(1000))));
        let is_in_memory: Vec<bool> =
            records.get(&[0, 1, 2, 3, 4]).iter().map(Option::is_some).collect();
        assert_eq!(is_in_memory, [false, false, true, true, true]);
    }

    #[test]
    fn removing_a_content_frees_its_memory_and_leaves_nothing_behind() {
        let records = Records::new(2 * record(1000).memory_bytes());
        for id in 0..10_000 {
            records.insert([(id, record(1000))]);
            records.remove(&[id]);
        }
        let inner = records.lock();
        assert_eq!((inner.by_id.len(), inner.bytes), (0, 0));
        assert!(inner.order.len() <= 1025, "{}", inner.order.len());
    }
}
