//! Why the database cannot store anything at the moment.

use std::fmt;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why the database cannot store anything now, with at most the first line of the message from
/// libpq or PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The kind of failure.
    pub kind: UnavailableKind,
    /// One line of at most 300 characters: PostgreSQL's primary message, or libpq's message about a
    /// failed connection.
    pub message: Option<String>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnavailableKind {
    /// Every connection of the pool was in use for as long as the call could wait.
    PoolTimeout,
    /// No connection can be opened.
    ConnectionFailed,
    /// The connection broke.
    ConnectionLost,
    /// The database accepts no writes: it is a standby, or set to read-only.
    ReadOnly,
    /// PostgreSQL answers with an error: the disk is full, a lock does not become free, a table or
    /// a right is missing, …
    StatementFailed,
    /// The call's time limit was reached.
    DeadlinePassed,
    /// A standby has cancelled a reading, because it kept a change of the primary waiting.
    Conflict,
}

impl UnavailableKind {
    /// A stable code for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::PoolTimeout => "pool_timeout",
            Self::ConnectionFailed => "connection_failed",
            Self::ConnectionLost => "connection_lost",
            Self::ReadOnly => "read_only",
            Self::StatementFailed => "statement_failed",
            Self::DeadlinePassed => "deadline_passed",
            Self::Conflict => "conflict",
        }
    }
}

impl Unavailable {
    pub(crate) fn new(kind: UnavailableKind) -> Self {
        Self { kind, message: None }
    }

    pub(crate) fn because(kind: UnavailableKind, message: &str) -> Self {
        Self { kind, message: one_line(message) }
    }
}

/// Reads the kind and the primary message, never the detail, hint and context of a database error.
impl From<DieselError> for Unavailable {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(kind, information) => {
                let kind = match kind {
                    DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand => UnavailableKind::ConnectionLost,
                    DatabaseErrorKind::ReadOnlyTransaction => UnavailableKind::ReadOnly,
                    _ => UnavailableKind::StatementFailed,
                };
                Self::because(kind, information.message())
            }
            // The transaction could not even be rolled back, so the connection cannot be used any
            // more.
            DieselError::RollbackErrorOnCommit { .. } | DieselError::BrokenTransactionManager => {
                Self::new(UnavailableKind::ConnectionLost)
            }
            other => Self::because(UnavailableKind::StatementFailed, &other.to_string()),
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code())?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Unavailable {}

/// The first line that is not empty. Some messages of libpq have many lines, DETAIL among them.
pub(crate) fn one_line(message: &str) -> Option<String> {
    let line = message.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_of_a_message_is_kept() {
        assert_eq!(one_line("\n ERROR: no\nDETAIL:  secret").as_deref(), Some("ERROR: no"));
        assert_eq!(one_line("a\tb").as_deref(), Some("a b"));
        assert_eq!(one_line(&"x".repeat(999)).map(|line| line.len()), Some(300));
        assert_eq!(one_line(" \n "), None);
    }
}
