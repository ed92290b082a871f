//! The only thread that writes. Whenever it is free, it commits all waiting changes in one
//! transaction.

use std::{
    fs::File,
    io,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use diesel::prelude::*;

use super::{
    change::{Change, Done, NotDurable},
    receives::{Receives, Unwritten},
    reserve::Reserve,
    schema::server,
    space::{self, Shrunk},
    statements::{write_change, write_receives},
};

/// Limits the size of a transaction, and with it how long its first change waits for an answer.
const MAX_GROUP_BYTES: usize = 8 << 20;

/// How many message numbers are reserved at a time, ahead of use. A number is never used twice, not
/// even after its message is deleted and the server restarted: message ids are made from them.
const RESERVED_AT_ONCE: i64 = 1 << 20;

/// How often receive counts are written, and space is given back.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// How long the writer waits for changes between two steps that give space back.
const PAUSE_WHILE_SHRINKING: Duration = Duration::from_millis(10);

pub(crate) enum Job {
    Write { change: Change, done: Done },
    Stop,
}

pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    pub(super) ids_reserved: i64,
    pub(super) unwritten: Arc<Unwritten>,
    pub(super) database: PathBuf,
    pub(super) reserve: Reserve,
    /// The disk has no room for more messages, and the reserve is in use.
    pub(super) is_full: bool,
    /// Messages were deleted, so the file may have more free pages than it needs.
    pub(super) has_deleted: bool,
    /// The file has more free pages than it needs.
    pub(super) is_shrinking: bool,
    pub(super) upkeep_done: Instant,
}

/// Starts the writer. The lock is released when it has ended.
pub(super) fn start(mut writer: Writer, lock: File) -> io::Result<(Sender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel();
    let thread = thread::Builder::new().name("sqs-writer".to_owned()).spawn(move || {
        writer.run(&jobs);
        // The connection must be closed first: that merges the write-ahead log into the file.
        drop(writer);
        drop(lock);
    })?;
    Ok((sender, thread))
}

impl Writer {
    /// Runs until [`Job::Stop`], or until every sender of jobs is gone.
    fn run(&mut self, jobs: &Receiver<Job>) {
        self.take_reserve();
        loop {
            let pause = if self.is_shrinking { PAUSE_WHILE_SHRINKING } else { UPKEEP_EVERY };
            match jobs.recv_timeout(pause) {
                Ok(Job::Write { change, done }) => {
                    let stopped = self.write_group(change, done, jobs);
                    if stopped {
                        break;
                    }
                    if self.upkeep_done.elapsed() >= UPKEEP_EVERY {
                        self.do_upkeep(false);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.do_upkeep(true),
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.write_counts(self.unwritten.take_all());
    }

    /// Commits a change together with all waiting ones; returns whether a stop was among them.
    fn write_group(&mut self, change: Change, done: Done, jobs: &Receiver<Job>) -> bool {
        let mut bytes = change.log_bytes();
        let mut changes = vec![change];
        let mut waiting = vec![done];
        let mut stopped = false;
        while bytes < MAX_GROUP_BYTES && !stopped {
            match jobs.try_recv() {
                Ok(Job::Write { change, done }) => {
                    bytes += change.log_bytes();
                    changes.push(change);
                    waiting.push(done);
                }
                Ok(Job::Stop) => stopped = true,
                Err(_) => break,
            }
        }
        let result = self.commit_group(&changes);
        for (done, change) in waiting.into_iter().zip(&changes) {
            let is_refused = self.is_full && change.adds_data();
            done(if is_refused { Err(NotDurable) } else { result });
        }
        stopped
    }

    /// Commits changes. If the disk is full, or turns out to be, changes that add data are left out.
    fn commit_group(&mut self, changes: &[Change]) -> Result<(), NotDurable> {
        let mut result = self.commit(changes);
        if let Err(error) = &result
            && !self.is_full
            && is_full_disk(error)
        {
            self.start_draining();
            result = self.commit(changes);
        }
        if let Err(error) = &result {
            log::error!(
                changes = changes.len(), error:% = error;
                "Cannot store a group of changes."
            );
        }
        result.map_err(|_| NotDurable)
    }

    fn commit(&mut self, changes: &[Change]) -> QueryResult<()> {
        let is_full = self.is_full;
        let wanted = || changes.iter().filter(move |change| !(is_full && change.adds_data()));
        if wanted().next().is_none() {
            return Ok(());
        }
        let reserved = ids_to_reserve(wanted(), self.ids_reserved);
        self.connection.immediate_transaction(|connection| {
            if let Some(reserved) = reserved {
                diesel::update(server::table)
                    .set(server::ids_reserved.eq(reserved))
                    .execute(connection)?;
            }
            wanted().try_for_each(|change| write_change(connection, change))
        })?;
        self.ids_reserved = reserved.unwrap_or(self.ids_reserved);
        for change in wanted() {
            match change {
                Change::Delete(ids) => {
                    self.unwritten.forget(ids.iter().copied());
                    self.has_deleted = true;
                }
                Change::DeadLetter { messages, .. } => {
                    self.unwritten.forget(messages.iter().map(|(id, _)| *id));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes receive counts and gives space back, most of it only while nothing waits.
    fn do_upkeep(&mut self, is_idle: bool) {
        let now = Instant::now();
        self.upkeep_done = now;
        self.write_counts(self.unwritten.take_due(now));
        if self.has_deleted || self.is_shrinking {
            self.give_space_back(is_idle);
        } else if is_idle && space::is_log_long(&self.database) {
            let emptied = space::empty_log(&mut self.connection);
            self.check_upkeep(emptied);
        }
        if self.is_full && !self.is_shrinking {
            self.stop_draining();
        }
    }

    fn write_counts(&mut self, counts: Vec<Receives>) {
        if counts.is_empty() {
            return;
        }
        let written = self.connection.immediate_transaction(|connection| {
            counts.iter().try_for_each(|receives| write_receives(connection, receives))
        });
        if written.is_err() {
            self.unwritten.put_back(counts, Instant::now());
        }
        self.check_upkeep(written);
    }

    fn give_space_back(&mut self, is_idle: bool) {
        let kept_pages = match (self.is_full, is_idle) {
            (true, _) => 0,
            (false, true) => space::KEPT_PAGES,
            (false, false) => space::KEPT_PAGES_UNDER_LOAD,
        };
        let is_thorough = self.is_full || is_idle;
        let shrunk = space::shrink(&mut self.connection, kept_pages);
        self.has_deleted &= !is_thorough;
        self.is_shrinking = matches!(shrunk, Ok(Shrunk::InPart));
        if is_thorough && matches!(shrunk, Ok(Shrunk::Enough)) {
            let emptied = space::empty_log(&mut self.connection);
            self.check_upkeep(emptied);
        }
        self.check_upkeep(shrunk.map(drop));
    }

    fn check_upkeep(&mut self, result: QueryResult<()>) {
        match result {
            Err(error) if is_full_disk(&error) && !self.is_full => self.start_draining(),
            Err(error) => log::warn!(error:% = error; "Upkeep of the data failed."),
            Ok(()) => {}
        }
    }

    fn take_reserve(&mut self) {
        match self.reserve.take() {
            Err(error) if is_no_space(&error) => self.start_draining(),
            Err(error) => log::warn!(
                error:% = error;
                "Cannot reserve space: if the disk is ever full, nothing can be deleted."
            ),
            Ok(()) => {}
        }
    }

    /// Refuses sends and uses the reserve for deletes.
    fn start_draining(&mut self) {
        log::error!(
            "The disk is full: sends are refused until it has room. Messages can be received and \
             deleted."
        );
        self.is_full = true;
        self.reserve.release();
        let prepared = space::limit_log(&mut self.connection, space::LOG_PAGES_IF_FULL)
            .and_then(|()| space::empty_log(&mut self.connection));
        self.check_upkeep(prepared);
        // Every page counts now, also the pages that usually stay.
        self.has_deleted = true;
    }

    /// Accepts sends again, if there is room.
    fn stop_draining(&mut self) {
        match self.reserve.take_again() {
            Ok(true) => {
                self.is_full = false;
                let limited = space::limit_log(&mut self.connection, space::LOG_PAGES);
                self.check_upkeep(limited);
                log::info!("The disk has room again: sends are accepted.");
            }
            Ok(false) => {}
            Err(error) => log::warn!(error:% = error; "Cannot take the reserve again."),
        }
    }
}

fn ids_to_reserve<'a>(changes: impl Iterator<Item = &'a Change>, ids_reserved: i64) -> Option<i64> {
    let sent = changes.filter_map(|change| match change {
        Change::Send(messages) => messages.iter().map(|message| message.id).max(),
        _ => None,
    });
    sent.max().filter(|id| *id > ids_reserved).map(|id| id.saturating_add(RESERVED_AT_ONCE))
}

/// Whether SQLite ran out of space. Diesel does not pass on SQLite's code, but its texts do not
/// change. The second one appears if a quota is used up.
fn is_full_disk(error: &diesel::result::Error) -> bool {
    let text = error.to_string();
    text.contains("database or disk is full") || text.contains("disk I/O error")
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
