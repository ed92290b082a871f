//! The only thread that writes. Whenever it is free, it commits all waiting changes in one
//! transaction.

use std::{
    fs::File,
    io,
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

use diesel::prelude::*;

use super::{
    change::{Change, Done, NotDurable, SentMessage, ranges},
    schema::{messages, queues, server},
};

/// Limits the size of a transaction, and with it how long its first change waits for an answer.
const MAX_GROUP_BYTES: usize = 8 << 20;

/// How many message numbers are reserved at a time, ahead of use. A number is never used twice, not
/// even after its message is deleted and the server restarted: message ids are made from them.
const RESERVED_AT_ONCE: i64 = 1 << 20;

/// Bytes that a row adds to the write-ahead log besides its content, for [`MAX_GROUP_BYTES`].
const ROW_BYTES: usize = 200;

pub(crate) enum Job {
    Write { change: Change, done: Done },
    Stop,
}

pub(super) fn start(
    connection: SqliteConnection,
    lock: File,
    ids_reserved: i64,
) -> io::Result<(Sender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel();
    let mut writer = Writer { connection, ids_reserved };
    let thread = thread::Builder::new().name("sqs-writer".to_owned()).spawn(move || {
        writer.run(&jobs);
        // The connection must be closed first: that merges the write-ahead log into the file.
        drop(writer);
        drop(lock);
    })?;
    Ok((sender, thread))
}

struct Writer {
    connection: SqliteConnection,
    ids_reserved: i64,
}

impl Writer {
    /// Runs until [`Job::Stop`], or until every sender of jobs is gone.
    fn run(&mut self, jobs: &Receiver<Job>) {
        while let Ok(Job::Write { change, done }) = jobs.recv() {
            let mut bytes = log_bytes(&change);
            let mut changes = vec![change];
            let mut waiting = vec![done];
            let mut stopped = false;
            while bytes < MAX_GROUP_BYTES && !stopped {
                match jobs.try_recv() {
                    Ok(Job::Write { change, done }) => {
                        bytes += log_bytes(&change);
                        changes.push(change);
                        waiting.push(done);
                    }
                    Ok(Job::Stop) => stopped = true,
                    Err(_) => break,
                }
            }
            let result = self.commit_group(&changes);
            waiting.into_iter().for_each(|done| done(result));
            if stopped {
                return;
            }
        }
    }

    fn commit_group(&mut self, changes: &[Change]) -> Result<(), NotDurable> {
        let reserved = self.ids_to_reserve(changes);
        let result = self.connection.immediate_transaction(|connection| {
            if let Some(reserved) = reserved {
                diesel::update(server::table)
                    .set(server::ids_reserved.eq(reserved))
                    .execute(connection)?;
            }
            changes.iter().try_for_each(|change| write_change(connection, change))
        });
        match result {
            Ok(()) => {
                self.ids_reserved = reserved.unwrap_or(self.ids_reserved);
                Ok(())
            }
            Err(error) => {
                log::error!(
                    changes = changes.len(), error:% = error;
                    "Cannot store a group of changes."
                );
                Err(NotDurable)
            }
        }
    }

    fn ids_to_reserve(&self, changes: &[Change]) -> Option<i64> {
        let sent = changes.iter().filter_map(|change| match change {
            Change::Send(messages) => messages.iter().map(|message| message.id).max(),
            _ => None,
        });
        sent.max()
            .filter(|id| *id > self.ids_reserved)
            .map(|id| id.saturating_add(RESERVED_AT_ONCE))
    }
}

fn write_change(connection: &mut SqliteConnection, change: &Change) -> QueryResult<()> {
    match change {
        Change::Send(sent) => {
            sent.iter().try_for_each(|message| insert_message(connection, message))
        }
        Change::Delete(ids) => ranges(ids).into_iter().try_for_each(|(first, last)| {
            diesel::delete(messages::table.filter(messages::id.between(first, last)))
                .execute(connection)
                .map(drop)
        }),
        Change::DeadLetter { ids, to, source } => ids.iter().try_for_each(|id| {
            diesel::update(messages::table.find(id))
                .set((messages::queue.eq(to), messages::source.eq(source.as_ref())))
                .execute(connection)
                .map(drop)
        }),
        Change::CreateQueue { id, name, created_ms, attributes } => {
            diesel::insert_into(queues::table)
                .values((
                    queues::id.eq(id),
                    queues::name.eq(name),
                    queues::attributes.eq(to_json(attributes)?),
                    queues::created_ms.eq(created_ms),
                    queues::modified_ms.eq(created_ms),
                ))
                .execute(connection)
                .map(drop)
        }
        Change::SetAttributes { id, modified_ms, attributes } => {
            diesel::update(queues::table.find(id))
                .set((
                    queues::attributes.eq(to_json(attributes)?),
                    queues::modified_ms.eq(modified_ms),
                ))
                .execute(connection)
                .map(drop)
        }
        Change::DeleteQueue { id } => {
            diesel::delete(queues::table.find(id)).execute(connection).map(drop)
        }
    }
}

/// Inserts one row at a time: the statement is prepared once, and several rows in one statement
/// would not make SQLite faster.
fn insert_message(connection: &mut SqliteConnection, message: &SentMessage) -> QueryResult<()> {
    let extras = message.record.extras.as_deref().map(to_json).transpose()?;
    diesel::insert_into(messages::table)
        .values((
            messages::id.eq(message.id),
            messages::queue.eq(message.queue),
            messages::sent_ms.eq(message.sent_ms),
            messages::due_ms.eq(message.due_ms),
            messages::source.eq(message.record.source.as_deref()),
            messages::extras.eq(extras),
            messages::body.eq(message.record.body.as_str()),
        ))
        .execute(connection)
        .map(drop)
}

fn to_json(value: &impl serde::Serialize) -> QueryResult<String> {
    serde_json::to_string(value)
        .map_err(|error| diesel::result::Error::SerializationError(error.into()))
}

/// Estimates how many bytes a change adds to the write-ahead log.
fn log_bytes(change: &Change) -> usize {
    match change {
        Change::Send(messages) => {
            messages.iter().map(|message| ROW_BYTES + message.record.size()).sum()
        }
        // Neighbouring rows share pages.
        Change::Delete(ids) | Change::DeadLetter { ids, .. } => ids.len() * ROW_BYTES,
        Change::CreateQueue { .. } | Change::SetAttributes { .. } | Change::DeleteQueue { .. } => {
            ROW_BYTES
        }
    }
}
