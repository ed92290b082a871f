//! The ways to break a promise.

use std::fmt;

use super::Follower;
use crate::history::SubmissionName;

/// A broken promise. It holds ids, never content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Accepted, but not stored.
    Lost(SubmissionName, Option<String>),
    /// Stored in more than one row.
    Doubled(SubmissionName, usize),
    /// The row under the id of its 202 has different content.
    Altered(SubmissionName, u64),
    /// Stored under another id than the one in its 202.
    OtherId(SubmissionName, u64),
    /// The same key and content got several ids.
    SeveralIds(SubmissionName),
    /// Refused, or not a form, and stored all the same.
    StoredThoughRefused(SubmissionName, u64),
    /// A good form that got 4xx.
    GoodButRefused(SubmissionName, u16),
    /// A bad form that got 202.
    BadButAccepted(SubmissionName),
    /// A row with a form that nobody sent.
    UnknownRow(u64),
    /// Garbage that SQS confirmed, and that does not wait in `invalid_messages`.
    NotSetAside(SubmissionName, Option<String>),
    /// It is in `invalid_messages` in more than one row.
    SetAsideTwice(SubmissionName),
    /// It was kept with a different body.
    AlteredAside(SubmissionName, u64),
    /// It was kept, but was neither garbage nor refused by PostgreSQL; or it has a state that it cannot have.
    WronglySetAside(String),
    /// PostgreSQL refused forms, but none waits.
    NoneRefused,
    /// Forms waited, but none was ever sent back.
    NoneSentBack,
    /// Messages that no worker took off the form queue.
    LeftOnTheQueue(u64),
    /// Messages that no worker took off the invalid queue.
    NotKept(u64),
    /// A row that a client of the reader has never seen.
    Missed(Follower, u64),
    /// A row that it has seen more than once.
    SeenTwice(Follower, u64),
    /// A row that it has seen, and that does not exist.
    SeenAndGone(Follower, u64),
    /// Who pages the bare table has missed nothing, so this run shows nothing about slow transactions.
    BareTableMissedNone,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "unknown".to_owned());
        match self {
            Self::Lost(name, accepted) => write!(f, "lost: {name}, accepted as {}", id(accepted)),
            Self::Doubled(name, rows) => write!(f, "doubled: {name} is stored in {rows} rows"),
            Self::Altered(name, row) => {
                write!(f, "altered: row {row} has other content than {name}")
            }
            Self::OtherId(name, row) => {
                write!(f, "other id: row {row} of {name} has another id than its answer")
            }
            Self::SeveralIds(name) => {
                write!(f, "several ids: {name} was accepted under more than one id")
            }
            Self::StoredThoughRefused(name, row) => {
                write!(f, "stored though refused: {name} is row {row}")
            }
            Self::GoodButRefused(name, status) => {
                write!(f, "good but refused: {name} got {status}")
            }
            Self::BadButAccepted(name) => write!(f, "bad but accepted: {name}"),
            Self::UnknownRow(row) => write!(f, "unknown row: nobody sent the form of row {row}"),
            Self::NotSetAside(name, message) => {
                write!(f, "not set aside: {name}, message {}", id(message))
            }
            Self::SetAsideTwice(name) => {
                write!(f, "set aside twice: {name} is kept in several rows")
            }
            Self::AlteredAside(name, row) => {
                write!(f, "altered aside: row {row} has another body than {name}")
            }
            Self::WronglySetAside(message) => {
                write!(f, "wrongly set aside: message {message} is kept")
            }
            Self::NoneRefused => {
                write!(
                    f,
                    "none refused: no accepted form waits, so this run shows nothing about them"
                )
            }
            Self::NoneSentBack => {
                write!(f, "none sent back: this run shows nothing about messages that come back")
            }
            Self::LeftOnTheQueue(messages) => write!(f, "left on the queue: {messages} messages"),
            Self::NotKept(messages) => write!(f, "not kept: {messages} messages"),
            Self::Missed(follower, row) => write!(f, "missed: {follower} has not seen row {row}"),
            Self::SeenTwice(follower, row) => {
                write!(f, "seen twice: {follower} has seen row {row} more than once")
            }
            Self::SeenAndGone(follower, row) => {
                write!(f, "seen and gone: {follower} has seen row {row}, which does not exist")
            }
            Self::BareTableMissedNone => {
                write!(
                    f,
                    "none missed in the bare table: this run shows nothing about slow transactions"
                )
            }
        }
    }
}
