//! The database does not do its part.

use std::fmt;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why nothing can be stored now: what it is, and at most the first line of what libpq or PostgreSQL says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What it is.
    pub kind: UnavailableKind,
    /// One line, 300 characters at most: PostgreSQL's primary message, or libpq's on why there is no connection.
    pub message: Option<String>,
}

/// The ways to be away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnavailableKind {
    /// Every connection of the pool was in use for as long as the call could wait.
    PoolTimeout,
    /// No connection can be opened.
    ConnectionFailed,
    /// The connection broke.
    ConnectionLost,
    /// The database takes no writes: a standby, or set so.
    ReadOnly,
    /// PostgreSQL answers, and refuses: disk full, a lock that does not come free, a missing table or right, …
    StatementFailed,
    /// The time for the whole call was used up.
    DeadlinePassed,
}

impl UnavailableKind {
    /// A stable word for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::PoolTimeout => "pool_timeout",
            Self::ConnectionFailed => "connection_failed",
            Self::ConnectionLost => "connection_lost",
            Self::ReadOnly => "read_only",
            Self::StatementFailed => "statement_failed",
            Self::DeadlinePassed => "deadline_passed",
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

/// Reads the kind and the primary message; the detail, hint and context of a database error are left where they are.
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
            // A transaction that could not even be rolled back: the connection is of no use any more.
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

/// The first line that says something: libpq puts whole stories, DETAIL among them, into some of its messages.
pub(crate) fn one_line(message: &str) -> Option<String> {
    let line = message.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_first_line() {
        assert_eq!(one_line("\n ERROR: no\nDETAIL:  secret").as_deref(), Some("ERROR: no"));
        assert_eq!(one_line("a\tb").as_deref(), Some("a b"));
        assert_eq!(one_line(&"x".repeat(999)).map(|line| line.len()), Some(300));
        assert_eq!(one_line(" \n "), None);
    }
}
