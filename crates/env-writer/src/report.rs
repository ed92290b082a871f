//! What is told to whoever started the program.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::value::Reason;

/// All faults of one run, ready to be printed: one line each, then the required variables that are not set.
#[derive(Debug)]
pub struct Report(pub(crate) Vec<Fault>);

#[derive(Debug)]
pub enum Fault {
    /// Two files may need the same host variable; it is reported once.
    Unset {
        host_name: String,
        name: String,
    },
    InFile {
        config: PathBuf,
        problem: Problem,
    },
}

/// What is wrong with, or on behalf of, one JSON file. Never holds the value of a variable.
#[derive(Debug)]
pub enum Problem {
    Unreadable(io::Error),
    /// The cause has the line and the column.
    NotADeclaration(serde_json::Error),
    NotAPrefix(String),
    NotAName(String),
    ListedTwice(String),
    Unwritable(String, Reason),
    UnwritableFile {
        file_path: PathBuf,
        cause: io::Error,
    },
    /// Holds the JSON file that came first.
    SameDestination(PathBuf),
}

impl Fault {
    pub fn in_file(config: &Path, problem: Problem) -> Self {
        Self::InFile { config: config.to_owned(), problem }
    }
}

impl Problem {
    pub fn unwritable_file(file_path: &Path, cause: io::Error) -> Self {
        Self::UnwritableFile { file_path: file_path.to_owned(), cause }
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
        // Last, because the list goes on to the end of the text.
        if !unset.is_empty() {
            // The space at the end of this line is in the text that scripts know.
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
                write!(f, "host_env_var_prefix {text:?} does not fit [A-Za-z_][A-Za-z0-9_]*")
            }
            Self::NotAName(text) => {
                write!(f, "variable name {text:?} does not fit [A-Za-z_][A-Za-z0-9_]*")
            }
            Self::ListedTwice(name) => write!(f, "variable {name} is listed twice"),
            Self::Unwritable(host_name, reason) => write!(f, "the value of {host_name} {reason}"),
            Self::UnwritableFile { file_path, cause } => {
                write!(f, "file_path {file_path:?} cannot be written: {cause}")
            }
            Self::SameDestination(other) => {
                write!(f, "file_path is the same file as that of {}", other.display())
            }
        }
    }
}
