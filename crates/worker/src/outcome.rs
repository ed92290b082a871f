//! Decides what happens to a message after the attempt to store it. This is the only place that
//! decides it.

use domain::Refusal;
use store::{RowOutcome, SqlState};

use crate::decode::Undecoded;

/// The result of the attempt to store a message.
#[derive(Debug)]
pub enum Outcome {
    /// Its row was inserted.
    Stored,
    /// Its row was there already.
    AlreadyStored,
    /// Its body cannot be decoded, or is not a valid form of its type.
    Undecodable(Refusal),
    /// PostgreSQL will never accept its data.
    RefusedByPostgres(SqlState),
    /// Another row with other content has its id.
    IdTaken,
    /// It cannot be stored now, although the database can store others.
    Failing,
    /// The database is unavailable.
    Undecided,
}

/// What the worker does with a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Deletes it: the form is stored.
    Delete,
    /// Sends it to the invalid queue with this reason, and deletes it only when SQS has confirmed
    /// the send.
    SetAside {
        /// A stable code with a field, never input text.
        reason: String,
    },
    /// Makes it visible again within 10 s, at a random time: it was not its fault.
    ReleaseSoon,
    /// Makes it visible again, the later the more often it was delivered: the next attempt may fail
    /// as well, and SQS gives a message up after 20 deliveries.
    ReleaseLater,
    /// Makes it visible again at once: the worker was stopped before it began to store it.
    ReleaseNow,
}

impl Outcome {
    /// For the log.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Stored => "Stored a form.",
            Self::AlreadyStored => "A form was stored already.",
            Self::Undecodable(_) => "A message is not a valid form.",
            Self::RefusedByPostgres(_) => "PostgreSQL refuses a form.",
            Self::IdTaken => "The id of a form belongs to a row with other content.",
            Self::Failing | Self::Undecided => "A form could not be stored yet.",
        }
    }

    pub fn settlement(&self) -> Settlement {
        match self {
            Self::Stored | Self::AlreadyStored => Settlement::Delete,
            Self::Undecodable(refusal) => Settlement::SetAside { reason: refusal.to_string() },
            Self::RefusedByPostgres(code) => {
                Settlement::SetAside { reason: format!("refused_by_postgresql {code}") }
            }
            Self::IdTaken => Settlement::SetAside { reason: "id_taken".to_owned() },
            Self::Failing => Settlement::ReleaseLater,
            Self::Undecided => Settlement::ReleaseSoon,
        }
    }
}

impl From<RowOutcome> for Outcome {
    fn from(row: RowOutcome) -> Self {
        match row {
            RowOutcome::Stored => Self::Stored,
            RowOutcome::AlreadyStored => Self::AlreadyStored,
            RowOutcome::IdTaken => Self::IdTaken,
            RowOutcome::Refused(code) => Self::RefusedByPostgres(code),
            RowOutcome::Undecided => Self::Failing,
        }
    }
}

impl From<Undecoded> for Outcome {
    fn from(undecoded: Undecoded) -> Self {
        match undecoded {
            Undecoded::Refused(refusal) => Self::Undecodable(refusal),
            Undecoded::Panicked => Self::Failing,
        }
    }
}
