//! The outcome of storing a batch, and of each of its rows.

use std::fmt;

use crate::unavailable::Unavailable;

/// The result of [`crate::Store::insert_once`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// One for each record, in the same order.
    pub outcomes: Vec<RowOutcome>,
    /// Set if the database is the reason for undecided rows: call [`crate::Store::probe`] before
    /// the next batch. If this is `None`, an undecided row keeps failing although the database
    /// stores others.
    pub unavailable: Option<Unavailable>,
}

/// The outcome of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// Its row was inserted.
    Stored,
    /// There is a row with its submission id or its SQS message id, with the same form type and
    /// data.
    AlreadyStored,
    /// There is a row with its submission id or its SQS message id, with other content. Nothing was
    /// written.
    IdTaken,
    /// PostgreSQL will never accept its data.
    Refused(SqlState),
    /// Unknown: it may or may not be stored. Try again later.
    Undecided,
}

/// An error code of PostgreSQL: five capital letters and digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SqlState(String);

impl SqlState {
    pub(crate) fn parse(code: &str) -> Option<Self> {
        let is_code =
            code.len() == 5 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        is_code.then(|| Self(code.to_owned()))
    }

    /// `character_not_in_repertoire`: PostgreSQL's code for a NUL in text.
    pub(crate) fn nul_in_text() -> Self {
        Self("22021".to_owned())
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlState({})", self.0)
    }
}
