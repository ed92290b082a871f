//! Makes changes durable: one thread writes and commits in groups, another reads message contents
//! that are not in memory.
//!
//! Both are plain threads with a SQLite connection each (WAL: the reader does not wait for the
//! writer). Without a data directory neither exists, and every change is done immediately.

mod change;
mod error;
mod reader;
mod receives;
mod reserve;
mod schema;
mod space;
mod statements;
mod writer;

use std::{
    path::Path,
    sync::{Arc, mpsc::Sender},
    thread::JoinHandle,
    time::Instant,
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

pub use self::error::JournalError;
pub(crate) use self::{
    change::{Change, Done, NotDurable, SentMessage},
    receives::Receives,
    schema::Loaded,
};
use self::{receives::Unwritten, writer::Writer};
use crate::{record::Record, state::Delivered};

#[derive(Debug)]
pub(crate) enum Journal {
    /// Nothing outlives the process.
    Memory,
    Disk {
        changes: Sender<writer::Job>,
        reads: Sender<reader::Job>,
        unwritten: Arc<Unwritten>,
        threads: Mutex<Vec<JoinHandle<()>>>,
    },
}

impl Journal {
    /// Opens `directory`, creates it if it is missing, and loads its content.
    pub(crate) fn open(directory: &Path) -> Result<(Journal, Loaded), JournalError> {
        let failed = |error| JournalError::Directory(directory.to_owned(), error);
        let opened = schema::open(directory)?;
        let unwritten = Arc::new(Unwritten::default());
        let writer = Writer {
            connection: opened.writer,
            ids_reserved: opened.loaded.ids_reserved,
            unwritten: Arc::clone(&unwritten),
            database: opened.database,
            reserve: opened.reserve,
            is_full: false,
            // Much may have been deleted just before the last stop.
            has_deleted: true,
            is_shrinking: false,
            upkeep_done: Instant::now(),
        };
        let (changes, write_thread) = writer::start(writer, opened.lock).map_err(failed)?;
        let (reads, read_thread) = reader::start(opened.reader).map_err(failed)?;
        let threads = Mutex::new(vec![write_thread, read_thread]);
        Ok((Journal::Disk { changes, reads, unwritten, threads }, opened.loaded))
    }

    /// Remembers that messages were received, without waiting for the disk.
    pub(crate) fn note_receives(&self, delivered: &[Delivered]) {
        let Journal::Disk { unwritten, .. } = self else { return };
        let counts = delivered.iter().map(|delivered| Receives {
            id: delivered.id,
            total: delivered.history.receives,
            here: delivered.receives_here,
            first_ms: delivered.history.first_receive_ms,
        });
        unwritten.note(counts, Instant::now());
    }

    /// Hands a change to the writer and returns immediately.
    pub(crate) fn submit(&self, change: Change, done: Done) {
        match self {
            Journal::Memory => done(Ok(())),
            Journal::Disk { changes, .. } => {
                if let Err(unsent) = changes.send(writer::Job::Write { change, done }) {
                    log::error!("Cannot store a change: the storage writer has stopped.");
                    if let writer::Job::Write { done, .. } = unsent.0 {
                        done(Err(NotDurable));
                    }
                }
            }
        }
    }

    /// Reads message contents from disk, in the order of `ids`; `None` for a message that does not
    /// exist (any more).
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

    /// Writes the submitted changes, closes the files and waits until that is done. Blocks.
    pub(crate) fn close(&self) {
        let Journal::Disk { changes, reads, threads, .. } = self else { return };
        // Sending fails only if the thread has already ended.
        let _ = reads.send(reader::Job::Stop);
        let _ = changes.send(writer::Job::Stop);
        for thread in threads.lock().drain(..) {
            if thread.join().is_err() {
                log::error!("A storage thread had panicked before it was closed.");
            }
        }
    }
}
