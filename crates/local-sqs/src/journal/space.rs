//! Gives space back to the disk, in steps that are too short to be noticed.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use diesel::{connection::SimpleConnection as _, prelude::*, sql_types::BigInt};

/// How long a step may keep changes waiting. Under load there is one step a second, which is 2 % of
/// the writer's time.
const STEP_TIME: Duration = Duration::from_millis(20);

/// Pages after which a step looks at its time, and how often it does so at most: a page that is
/// moved goes through the write-ahead log.
const PAGES_AT_ONCE: i64 = 64;
const MOST_ROUNDS: i64 = 8;

/// Free pages that stay in the file: this many (4 MiB), or as many as are in use, because the next
/// messages need them.
pub(super) const KEPT_PAGES: i64 = 512;

/// The same while there is work: 64 MiB, so that a queue that is filled and drained all the time
/// does not make its file smaller and larger all the time.
pub(super) const KEPT_PAGES_UNDER_LOAD: i64 = 8192;

/// A write-ahead log of this many bytes is emptied when there is nothing else to do.
const LOG_BYTES: u64 = 4 << 20;

/// How long the write-ahead log gets before it is moved into the file: 32 MiB.
pub(super) const LOG_PAGES: u32 = 4096;

/// The same while the disk is full: 2 MiB, because the log must not need more than was freed.
pub(super) const LOG_PAGES_IF_FULL: u32 = 256;

/// A file of an older version with at most this many pages in use (32 MiB) is rewritten at start so
/// that it can shrink, which takes about a second.
const REWRITTEN_PAGES: i64 = 4096;

/// What a step of giving space back has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shrunk {
    /// There was nothing to give back.
    Nothing,
    /// There is more to give back.
    InPart,
    /// The file has no more free pages than it may keep; it shrinks at the next checkpoint.
    Enough,
}

/// Gives some free pages back. `kept_pages` stay, or as many as are in use; with 0, none.
pub(super) fn shrink(connection: &mut SqliteConnection, kept_pages: i64) -> QueryResult<Shrunk> {
    let free = pragma(connection, "freelist_count")?;
    let used = pragma(connection, "page_count")?.saturating_sub(free);
    let kept = if kept_pages == 0 { 0 } else { kept_pages.max(used) };
    let mut excess = free.saturating_sub(kept);
    if excess <= 0 {
        return Ok(Shrunk::Nothing);
    }
    let started = Instant::now();
    connection.immediate_transaction(|connection| {
        for _ in 0..MOST_ROUNDS {
            let pages = excess.min(PAGES_AT_ONCE);
            connection.batch_execute(&format!("PRAGMA incremental_vacuum({pages})"))?;
            excess -= pages;
            if excess <= 0 || started.elapsed() >= STEP_TIME {
                break;
            }
        }
        QueryResult::Ok(())
    })?;
    Ok(if excess > 0 { Shrunk::InPart } else { Shrunk::Enough })
}

/// Whether the write-ahead log takes up space that it does not need.
pub(super) fn is_log_long(database: &Path) -> bool {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|log| log.len() > LOG_BYTES)
}

/// Moves the write-ahead log into the file and empties it.
pub(super) fn empty_log(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
}

/// How many pages the write-ahead log may have before it is moved into the file.
pub(super) fn limit_log(connection: &mut SqliteConnection, pages: u32) -> QueryResult<()> {
    connection.batch_execute(&format!("PRAGMA wal_autocheckpoint = {pages}"))
}

/// Rewrites a file of an older version, which cannot shrink, if it is small.
pub(super) fn make_shrinkable(connection: &mut SqliteConnection) -> QueryResult<()> {
    if pragma(connection, "auto_vacuum")? != 0 {
        return Ok(());
    }
    let used = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
    if used > REWRITTEN_PAGES {
        log::info!(
            pages = used;
            "The file cannot shrink yet: it is of an older version and has too many messages. \
             The next start with fewer messages changes that."
        );
        return Ok(());
    }
    // In memory, because a container has no place for temporary files.
    connection.batch_execute(
        "PRAGMA temp_store = MEMORY; PRAGMA auto_vacuum = INCREMENTAL; VACUUM;
         PRAGMA temp_store = DEFAULT; PRAGMA wal_checkpoint(TRUNCATE);",
    )
}

fn pragma(connection: &mut SqliteConnection, name: &str) -> QueryResult<i64> {
    diesel::select(diesel::dsl::sql::<BigInt>(&format!("(SELECT {name} FROM pragma_{name})")))
        .get_result(connection)
}
