//! Why something cannot be read.

use store::Unavailable;
use thiserror::Error;

/// Why a relation cannot be read.
#[derive(Debug, Error)]
pub enum Error {
    /// The client's mistake.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// A value that the format cannot hold, or rows that do not fit it.
    #[error(transparent)]
    Format(#[from] tabular::Error),
    /// Two rows have the same key, so one of them could be lost between two pages.
    #[error("the key of the relation is not unique")]
    KeyNotUnique,
    /// The database cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A parameter that cannot be used. Its text quotes no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{parameter}: {reason}")]
pub struct BadParameter {
    /// The parameter as the client wrote it.
    pub parameter: String,
    /// What is wrong with it.
    pub reason: String,
}

impl BadParameter {
    /// A parameter with the reason, which begins with a small letter and has no full stop.
    pub fn new(parameter: &str, reason: impl Into<String>) -> Self {
        Self { parameter: parameter.to_owned(), reason: reason.into() }
    }
}
