//! Why the data directory cannot be used.

use std::{io, path::PathBuf};

/// An error of opening the data directory.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The directory could not be created, or a file in it could not be opened.
    #[error("cannot use the data directory {}", .0.display())]
    Directory(PathBuf, #[source] io::Error),
    /// Another process holds the lock.
    #[error("the data directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The path is not UTF-8, which SQLite requires.
    #[error("the path of the data directory {} is not UTF-8", .0.display())]
    Path(PathBuf),
    /// SQLite cannot open the file.
    #[error("cannot open the database in the data directory")]
    Open(#[from] diesel::ConnectionError),
    /// SQLite cannot read the file or create its tables.
    #[error("cannot read the database in the data directory")]
    Read(#[from] diesel::result::Error),
    /// This version cannot make sense of the file's content.
    #[error("cannot understand the database in the data directory: {0}")]
    Content(String),
}
