//! What came of publishing relations.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

use crate::{
    table_lock::is_lock_timeout,
    unavailable::{Unavailable, one_line},
};

/// What one attempt did. A relation that fails holds up no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The names of the views that were made or changed, or whose indexes were built.
    pub done: Vec<String>,
    /// What could not be done.
    pub failed: Vec<PublishError>,
}

/// Why relations could not be published.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The database does not answer.
    #[error("the database is unavailable")]
    Unavailable(#[from] Unavailable),
    /// A pooler stands between, and an index is not built in a transaction.
    #[error(
        "relations need a direct connection: run `worker migrate` with a DATABASE_URL of PostgreSQL itself"
    )]
    ThroughPooler,
    /// The schema of the relations is missing.
    #[error(
        "the schema `submissions` is missing, and this role may not create it: run deploy/postgres/roles.sql, then `worker migrate`"
    )]
    NoSchema,
    /// Other sessions use the view. It is as it was.
    #[error("{relation} is in use by other sessions")]
    Busy {
        /// The relation, with its schema.
        relation: String,
    },
    /// PostgreSQL refused.
    #[error("{relation} cannot be published: {message}")]
    Failed {
        /// The relation, with its schema.
        relation: String,
        /// PostgreSQL's primary message.
        message: String,
    },
}

impl PublishError {
    pub(super) fn of(relation: &str, error: DieselError) -> Self {
        let relation = relation.to_owned();
        match error {
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::Unavailable(error.into()),
            error if is_lock_timeout(&error) => Self::Busy { relation },
            error => {
                Self::Failed { relation, message: one_line(&error.to_string()).unwrap_or_default() }
            }
        }
    }
}

impl Published {
    /// Notes what came of one relation.
    ///
    /// # Errors
    /// The database is unavailable, so the others need not be tried.
    pub(super) fn note(
        &mut self,
        name: &str,
        result: Result<bool, PublishError>,
    ) -> Result<(), PublishError> {
        match result {
            Ok(true) => self.done.push(name.to_owned()),
            Ok(false) => {}
            Err(error @ PublishError::Unavailable(_)) => return Err(error),
            Err(error) => self.failed.push(error),
        }
        Ok(())
    }
}
