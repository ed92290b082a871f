//! Why there is no PostgreSQL.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a cluster did not start, stop or answer.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// PostgreSQL is not installed, or not where it is looked for.
    #[error(
        "there is no {0}: install PostgreSQL's server, or name its bin directory in POSTGRES_BIN"
    )]
    NotInstalled(&'static str),
    /// PostgreSQL refuses to run as root, and there is nobody else to be.
    #[error("PostgreSQL does not run as root, and there is no user postgres to run it as")]
    NoUser,
    /// User postgres cannot get to the data directory: it lies in somebody's private directory.
    #[error("user postgres cannot enter {}: keep the data directory elsewhere, or do not run as root", .0.display())]
    NotEnterable(PathBuf),
    /// A server that was not started here uses the data directory.
    #[error("a server with process id {pid} runs in {} already", .directory.display())]
    AlreadyRunning {
        /// The data directory.
        directory: PathBuf,
        /// The server's process id.
        pid: u32,
    },
    /// A program of PostgreSQL's failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// The last lines that it wrote.
        output: String,
    },
    /// A file or process could not be handled.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl PostgresError {
    /// For `map_err`.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }
}
