use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a cluster did not start, stop or answer.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// PostgreSQL is not installed, or in a directory where we do not look.
    #[error(
        "cannot find the program {0}: install the PostgreSQL server, or set POSTGRES_BIN to its \
         bin directory"
    )]
    NotInstalled(&'static str),
    /// PostgreSQL refuses to run as root, and user postgres does not exist.
    #[error("PostgreSQL does not run as root: create a user named postgres")]
    NoUser,
    /// The data directory is inside a private directory of another user.
    #[error(
        "user postgres cannot enter {}: keep the data directory elsewhere, or do not run as root",
        .0.display()
    )]
    NotEnterable(PathBuf),
    /// A server that we did not start uses the data directory.
    #[error("a server with process id {pid} already runs in {}", .directory.display())]
    AlreadyRunning { directory: PathBuf, pid: u32 },
    /// A PostgreSQL program failed; `output` is the end of its output.
    #[error("{program} failed: {output}")]
    Failed { program: &'static str, output: String },
    #[error("cannot {action} {}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
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
