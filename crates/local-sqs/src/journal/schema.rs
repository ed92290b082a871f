//! The SQLite file: its tables, opening it, and loading it at start.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use diesel::{connection::SimpleConnection as _, prelude::*};

use super::{error::JournalError, receives::Receives, reserve::Reserve, space};

diesel::table! {
    queues (id) {
        id -> BigInt,
        name -> Text,
        attributes -> Text,
        created_ms -> BigInt,
        modified_ms -> BigInt,
    }
}

diesel::table! {
    messages (id) {
        id -> BigInt,
        queue -> BigInt,
        sent_ms -> BigInt,
        due_ms -> BigInt,
        source -> Nullable<Text>,
        extras -> Nullable<Text>,
        body -> Text,
    }
}

diesel::table! {
    receives (id) {
        id -> BigInt,
        total -> BigInt,
        here -> BigInt,
        first_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    server (id) {
        id -> BigInt,
        seed -> Binary,
        ids_reserved -> BigInt,
    }
}

/// The version in SQLite's `user_version`; a file with any other version is refused.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE queues (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        attributes TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        modified_ms INTEGER NOT NULL
    );
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        queue INTEGER NOT NULL,
        sent_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL,
        source TEXT,
        extras TEXT,
        body TEXT NOT NULL
    );
    CREATE TABLE server (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        seed BLOB NOT NULL,
        ids_reserved INTEGER NOT NULL
    );
    INSERT INTO server VALUES (1, randomblob(16), 0);
    PRAGMA user_version = 1;
";

/// Has a row for every message that was received and not deleted soon. A table of its own, because
/// a change would rewrite the whole row of a message. Files of older versions lack it, and programs
/// of older versions ignore it.
const RECEIVES: &str = "
    CREATE TABLE IF NOT EXISTS receives (
        id INTEGER PRIMARY KEY,
        total INTEGER NOT NULL,
        here INTEGER NOT NULL,
        first_ms INTEGER
    );
";

/// The content of the file when it was opened.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) seed: [u8; 16],
    /// No message has had a higher number than this.
    pub(crate) ids_reserved: i64,
    pub(crate) queues: Vec<LoadedQueue>,
    /// Ordered by number. Includes messages of deleted queues that a killed process did not get to
    /// delete.
    pub(crate) messages: Vec<LoadedMessage>,
    /// By message. An older version deletes messages and not their counts.
    pub(crate) receives: HashMap<i64, Receives>,
}

#[derive(Debug)]
pub(crate) struct LoadedQueue {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) created_ms: i64,
    pub(crate) modified_ms: i64,
}

/// A message without its content, which stays on disk.
#[derive(Debug, Queryable)]
pub(crate) struct LoadedMessage {
    pub(crate) id: i64,
    pub(crate) queue: i64,
    pub(crate) sent_ms: i64,
    pub(crate) due_ms: i64,
}

pub(super) struct Opened {
    pub(super) writer: SqliteConnection,
    pub(super) reader: SqliteConnection,
    /// Held as long as the file is in use.
    pub(super) lock: File,
    pub(super) database: PathBuf,
    pub(super) reserve: Reserve,
    pub(super) loaded: Loaded,
}

pub(super) fn open(directory: &Path) -> Result<Opened, JournalError> {
    let lock = lock_directory(directory)?;
    let database = directory.join("local-sqs.sqlite3");
    let path = database.to_str().ok_or_else(|| JournalError::Path(directory.to_owned()))?;
    let reserve = Reserve::in_directory(directory);
    let (writer, reader, loaded) = match open_database(path) {
        // Opening needs space too, and the disk may be full.
        Err(error @ (JournalError::Open(_) | JournalError::Read(_))) if reserve.release() => {
            log::warn!(error:% = error; "Cannot open the data: trying again without the reserve.");
            open_database(path)?
        }
        opened => opened?,
    };
    Ok(Opened { writer, reader, lock, database, reserve, loaded })
}

fn open_database(path: &str) -> Result<(SqliteConnection, SqliteConnection, Loaded), JournalError> {
    let mut writer = SqliteConnection::establish(path)?;
    // Page size and vacuum mode must be set before the first page is written. With 8 KiB most
    // messages fit into one page. FULL: a commit is on disk before it is answered. A checkpoint
    // every 32 MiB costs less than many small ones.
    writer.batch_execute(
        "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -32768; PRAGMA busy_timeout = 10000;",
    )?;
    space::limit_log(&mut writer, space::LOG_PAGES)?;
    create_tables(&mut writer)?;
    if let Err(error) = space::make_shrinkable(&mut writer) {
        log::warn!(error:% = error; "The file cannot be rewritten so that it can shrink.");
    }
    let loaded = load_all(&mut writer)?;
    let mut reader = SqliteConnection::establish(path)?;
    reader.batch_execute(
        "PRAGMA query_only = 1; PRAGMA cache_size = -8192; PRAGMA busy_timeout = 10000;",
    )?;
    Ok((writer, reader, loaded))
}

/// Creates the directory and takes its lock. The system releases the lock however the process ends.
fn lock_directory(directory: &Path) -> Result<File, JournalError> {
    let failed = |error| JournalError::Directory(directory.to_owned(), error);
    fs::create_dir_all(directory).map_err(failed)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join("local-sqs.lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Creates the tables if the file is new.
fn create_tables(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    connection.immediate_transaction(|connection| {
        let version: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
            "(SELECT user_version FROM pragma_user_version)",
        ))
        .get_result(connection)?;
        match version {
            0 => connection.batch_execute(TABLES)?,
            VERSION => {}
            other => {
                return Err(JournalError::Content(format!(
                    "its version is {other}, but this program uses version {VERSION}"
                )));
            }
        }
        connection.batch_execute(RECEIVES)?;
        Ok(())
    })
}

fn load_all(connection: &mut SqliteConnection) -> Result<Loaded, JournalError> {
    let (seed, ids_reserved): (Vec<u8>, i64) =
        server::table.select((server::seed, server::ids_reserved)).first(connection)?;
    let seed = seed
        .try_into()
        .map_err(|_| JournalError::Content("its seed is not 16 bytes".to_owned()))?;
    let rows: Vec<(i64, String, String, i64, i64)> =
        queues::table.order(queues::id).load(connection)?;
    let queues = rows
        .into_iter()
        .map(|(id, name, attributes, created_ms, modified_ms)| {
            let attributes = serde_json::from_str(&attributes).map_err(|error| {
                JournalError::Content(format!("attributes of queue {name}: {error}"))
            })?;
            Ok(LoadedQueue { id, name, attributes, created_ms, modified_ms })
        })
        .collect::<Result<_, JournalError>>()?;
    let messages = messages::table
        .select((messages::id, messages::queue, messages::sent_ms, messages::due_ms))
        .order(messages::id)
        .load(connection)?;
    let counts: Vec<(i64, i64, i64, Option<i64>)> = receives::table.load(connection)?;
    let receives = counts
        .into_iter()
        .map(|(id, total, here, first_ms)| {
            let count = |value| u32::try_from(value).unwrap_or(u32::MAX);
            (id, Receives { id, total: count(total), here: count(here), first_ms })
        })
        .collect();
    Ok(Loaded { seed, ids_reserved, queues, messages, receives })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as the first version wrote it, with a message of this many bytes.
    fn write_old_file(directory: &Path, bytes: usize) {
        let path = directory.join("local-sqs.sqlite3");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection
            .batch_execute(&format!(
                "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; {TABLES}
                 INSERT INTO queues VALUES (1, 'q', '{{}}', 0, 0);
                 INSERT INTO messages VALUES (7, 1, 0, 0, NULL, NULL, hex(zeroblob({bytes} / 2)));"
            ))
            .unwrap();
    }

    #[derive(diesel::QueryableByName)]
    struct Mode {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        auto_vacuum: i64,
    }

    fn vacuum_mode(connection: &mut SqliteConnection) -> i64 {
        let query = diesel::sql_query("SELECT auto_vacuum FROM pragma_auto_vacuum");
        query.get_result::<Mode>(connection).unwrap().auto_vacuum
    }

    #[test]
    fn a_file_of_the_first_version_keeps_its_messages_and_can_shrink_if_it_is_small() {
        for (bytes, mode) in [(100_000, 2), (40 << 20, 0)] {
            let directory = tempfile::tempdir().unwrap();
            write_old_file(directory.path(), bytes);
            let mut opened = open(directory.path()).unwrap();
            assert_eq!(opened.loaded.messages[0].id, 7);
            assert_eq!(vacuum_mode(&mut opened.writer), mode);
            let body: String =
                messages::table.find(7).select(messages::body).first(&mut opened.reader).unwrap();
            assert_eq!(body.len(), bytes);
        }
    }
}
