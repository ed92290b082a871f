//! What becomes of a row.

use std::fmt;

use crate::Unavailable;

/// What [`crate::Store::insert_once`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// One for each record, in the same order.
    pub outcomes: Vec<RowOutcome>,
    /// Why rows are undecided where the reason is the database and not the row: ask [`crate::Store::probe`] before
    /// the next batch. `None` with an undecided row means that this row keeps failing in a database that stores others.
    pub unavailable: Option<Unavailable>,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// It is a row now.
    Stored,
    /// A row with its submission id or its SQS message id already held the same form type and data.
    AlreadyStored,
    /// A row with its submission id or its SQS message id holds something else. Nothing was written.
    IdTaken,
    /// PostgreSQL will never take this data.
    Refused(SqlState),
    /// Not known: it may or may not be stored. To be tried again.
    Undecided,
}

/// A code of PostgreSQL's list of errors: five capitals and digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SqlState(String);

impl SqlState {
    pub(crate) fn parse(code: &str) -> Option<Self> {
        let is_code =
            code.len() == 5 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        is_code.then(|| Self(code.to_owned()))
    }

    /// `character_not_in_repertoire`, what PostgreSQL says to a NUL in text.
    pub(crate) fn nul_in_text() -> Self {
        Self("22021".to_owned())
    }

    /// The five characters.
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
