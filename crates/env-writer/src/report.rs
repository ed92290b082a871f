//! The problems of a run, as the program prints them.

use std::{
    collections::HashSet,
    fmt, io,
    path::{Path, PathBuf},
};

use crate::value::Reason;

/// All faults of one run, ready to print: one line each, then the required variables that are not
/// set.
#[derive(Debug)]
pub struct Report(pub(crate) Vec<Fault>);

#[derive(Debug)]
pub enum Fault {
    /// A required variable is not set. Two files may need it, but the report names it once.
    Unset {
        host_name: String,
        name: String,
    },
    InFile {
        config: PathBuf,
        problem: Problem,
    },
}

/// A problem with one JSON file or with the file it describes. Never holds the value of a variable.
#[derive(Debug)]
pub enum Problem {
    Unreadable(io::Error),
    /// The error has the line and the column.
    NotADeclaration(serde_json::Error),
    NotAPrefix(String),
    NotAName(String),
    ListedTwice(String),
    Unwritable(String, Reason),
    UnwritableFile {
        file_path: PathBuf,
        cause: WriteError,
    },
    /// Holds the JSON file that came first.
    SameDestination(PathBuf),
}

/// Why a file cannot be written.
#[derive(Debug)]
pub enum WriteError {
    NotARegularFile,
    DanglingLink,
    NotAFileName,
    Io(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Fault {
    pub fn in_file(config: &Path, problem: Problem) -> Self {
        Self::InFile { config: config.to_owned(), problem }
    }
}

impl Problem {
    pub fn unwritable_file(file_path: &Path, cause: impl Into<WriteError>) -> Self {
        Self::UnwritableFile { file_path: file_path.to_owned(), cause: cause.into() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unset = Vec::new();
        let mut seen = HashSet::new();
        for fault in &self.0 {
            match fault {
                Fault::InFile { config, problem } => {
                    writeln!(f, "{}: {problem}", config.display())?
                }
                Fault::Unset { host_name, name } if seen.insert(host_name) => unset.push(name),
                Fault::Unset { .. } => {}
            }
        }
        // The list comes last, because it has no end mark.
        if !unset.is_empty() {
            // Scripts rely on the space at the end of this line.
            writeln!(f, "Required host environment variables are not set: ")?;
        }
        unset.into_iter().try_for_each(|name| writeln!(f, "{name}"))
    }
}

impl std::error::Error for Report {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(f, "cannot be read: {cause}"),
            Self::NotADeclaration(cause) => write!(f, "{cause}"),
            Self::NotAPrefix(text) => {
                write!(f, "host_env_var_prefix {text:?} does not match [A-Za-z_][A-Za-z0-9_]*")
            }
            Self::NotAName(text) => {
                write!(f, "variable name {text:?} does not match [A-Za-z_][A-Za-z0-9_]*")
            }
            Self::ListedTwice(name) => write!(f, "variable {name} is listed twice"),
            Self::Unwritable(host_name, reason) => write!(f, "the value of {host_name} {reason}"),
            Self::UnwritableFile { file_path, cause } => {
                write!(f, "file_path {file_path:?} cannot be written: {cause}")
            }
            Self::SameDestination(other) => {
                write!(f, "file_path is the same file as in {}", other.display())
            }
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARegularFile => f.write_str("it exists, but is not a regular file"),
            Self::DanglingLink => {
                f.write_str("it is a symbolic link to a file that does not exist")
            }
            Self::NotAFileName => f.write_str("it is not the name of a file"),
            Self::Io(error) => error.fmt(f),
        }
    }
}
