//! What becomes of a message: the one place where that is decided.

use domain::Refusal;
use store::{RowOutcome, SqlState};

/// What came out of the attempt to store a message.
#[derive(Debug)]
pub enum Outcome {
    /// It is a row now.
    Stored,
    /// It was a row before.
    AlreadyStored,
    /// Its body does not decode, or is not a valid form of its type.
    Undecodable(Refusal),
    /// PostgreSQL will never take its data.
    RefusedByPostgres(SqlState),
    /// Its id belongs to other content.
    IdTaken,
    /// The database is away, or keeps failing with this row.
    Undecided,
}

/// What is done with a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It has done its duty.
    Delete,
    /// To the invalid queue with this reason, and only when it is confirmed there, deleted here.
    SetAside {
        /// A stable code with a field, never input text.
        reason: String,
    },
    /// Visible again soon, with some jitter.
    ReleaseSoon,
    /// Visible again at once, because it was not begun when the signal to stop came.
    ReleaseNow,
}

impl Outcome {
    /// A sentence for the log.
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Stored => "Stored a form.",
            Self::AlreadyStored => "A form was stored already.",
            Self::Undecodable(_) => "A message is not a form.",
            Self::RefusedByPostgres(_) => "PostgreSQL refuses a form.",
            Self::IdTaken => "The id of a form is taken by other content.",
            Self::Undecided => "A form could not be stored now.",
        }
    }

    /// What is to be done.
    pub fn settlement(&self) -> Settlement {
        match self {
            Self::Stored | Self::AlreadyStored => Settlement::Delete,
            Self::Undecodable(refusal) => Settlement::SetAside { reason: refusal.to_string() },
            Self::RefusedByPostgres(code) => {
                Settlement::SetAside { reason: format!("refused_by_postgresql {code}") }
            }
            Self::IdTaken => Settlement::SetAside { reason: "id_taken".to_owned() },
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
            RowOutcome::Undecided => Self::Undecided,
        }
    }
}
