//! What makes changes durable: one writer that commits in groups, one reader for contents that are not in memory.
//!
//! Both are plain threads with a SQLite connection each (WAL: the reader does not wait for the writer). Without a data
//! directory there is neither, and every change is done as soon as it is asked for.

mod reader;
mod schema;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::record::Record;
pub(crate) use schema::Loaded;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It could not be created, or its files not be opened.
    #[error("the data directory {} cannot be used", .0.display())]
    Directory(PathBuf, #[source] std::io::Error),
    /// Another process has it.
    #[error("the data directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Its path is not UTF-8, which SQLite asks for.
    #[error("the path of the data directory {} is not UTF-8", .0.display())]
    Path(PathBuf),
    /// SQLite cannot open the file.
    #[error("the database in the data directory cannot be opened")]
    Open(#[from] diesel::ConnectionError),
    /// SQLite cannot read or prepare the file.
    #[error("the database in the data directory cannot be read")]
    Read(#[from] diesel::result::Error),
    /// The content of the file makes no sense to this version.
    #[error("the database in the data directory is not understood: {0}")]
    Content(String),
}

/// The change was not made durable; the cause has been logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotDurable;

/// One change, done whole or not at all.
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
    /// The queue alone. Its messages are deleted afterwards, or at the next start.
    DeleteQueue {
        id: i64,
    },
    Send(Vec<SentMessage>),
    Delete(Vec<i64>),
    /// Messages that go to another queue, named `to`, because of their redrive policy.
    Bury {
        ids: Vec<i64>,
        to: i64,
        source: Arc<str>,
    },
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

/// Runs when the change is durable, or is known not to be. It runs on the writer's thread, in the order of the
/// changes, whether or not somebody still waits for the answer: what is on disk and what is in memory stay the same.
pub(crate) type Done = Box<dyn FnOnce(Result<(), NotDurable>) + Send>;

#[derive(Debug)]
pub(crate) enum Journal {
    /// Nothing outlives the process.
    Memory,
    Disk {
        changes: Sender<writer::Job>,
        reads: Sender<reader::Job>,
        threads: Mutex<Vec<JoinHandle<()>>>,
    },
}

impl Journal {
    /// Opens `directory`, creating it where it is missing, and reads what is there.
    pub(crate) fn open(directory: &Path) -> Result<(Journal, Loaded), JournalError> {
        let opened = schema::open(directory)?;
        let (changes, write_thread) =
            writer::start(opened.writer, opened.lock, opened.loaded.ids_reserved)
                .map_err(|error| JournalError::Directory(directory.to_owned(), error))?;
        let (reads, read_thread) = reader::start(opened.reader)
            .map_err(|error| JournalError::Directory(directory.to_owned(), error))?;
        let threads = Mutex::new(vec![write_thread, read_thread]);
        Ok((Journal::Disk { changes, reads, threads }, opened.loaded))
    }

    /// Hands a change to the writer and returns at once.
    pub(crate) fn submit(&self, change: Change, done: Done) {
        match self {
            Journal::Memory => done(Ok(())),
            Journal::Disk { changes, .. } => {
                if let Err(unsent) = changes.send(writer::Job::Write { change, done }) {
                    log::error!("The writer has ended, nothing can be made durable.");
                    if let writer::Job::Write { done, .. } = unsent.0 {
                        done(Err(NotDurable));
                    }
                }
            }
        }
    }

    /// The contents of messages from disk, in the order of `ids`; `None` for those that are not there (any more).
    pub(crate) async fn read(&self, ids: Vec<i64>) -> Result<Vec<Option<Arc<Record>>>, NotDurable> {
        match self {
            Journal::Memory => Ok(vec![None; ids.len()]),
            Journal::Disk { reads, .. } => {
                let (answer, answered) = oneshot::channel();
                reads.send(reader::Job::Read { ids, answer }).map_err(|_| NotDurable)?;
                answered.await.map_err(|_| NotDurable)?
            }
        }
    }

    /// Writes what was submitted, closes the files and waits for it. Blocks.
    pub(crate) fn close(&self) {
        let Journal::Disk { changes, reads, threads } = self else { return };
        // A thread that has ended already needs no word.
        let _ = reads.send(reader::Job::Stop);
        let _ = changes.send(writer::Job::Stop);
        for thread in threads.lock().drain(..) {
            if thread.join().is_err() {
                log::error!("A thread of the storage had panicked.");
            }
        }
    }
}

/// Consecutive numbers as ranges (both ends included), so that one statement handles many rows.
fn ranges(ids: &[i64]) -> Vec<(i64, i64)> {
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
    fn ranges_hold_exactly_the_given_numbers() {
        assert_eq!(ranges(&[5, 3, 4, 9, 1, 9]), [(1, 1), (3, 5), (9, 9)]);
        assert!(ranges(&[]).is_empty());
    }
}
