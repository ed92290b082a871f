//! Why a request is refused: each reason's code, status, title and description are here.
//!
//! [`Refusal::answer`] counts it, logs it and makes the answer, a problem of RFC 9457 that has the
//! member `error` too, which clients of the old data store read.

mod answer;
mod reasons;

use std::time::Duration;

use relations::BadParameter;

pub use self::reasons::{ALL, Reason};
use crate::clients::Unknown;

/// Why a request is refused.
#[derive(Debug)]
pub enum Refusal {
    /// A parameter that cannot be used; names it, and quotes no value.
    Parameter(BadParameter),
    /// The body of the request cannot be used.
    Body(&'static str),
    /// It is not known who asks.
    NotRecognised(Cause),
    /// The client may not read this.
    Scope,
    NotFound,
    /// The version of a dataset is not there any more.
    VersionGone,
    /// No such submission is there, or none that the client may know of.
    NotHere,
    /// The content of the submission was removed.
    Erased,
    /// A stream over HTTP 1.0.
    HttpVersion,
    /// A temporary file cannot be made or written.
    TempFile,
    /// Names the methods that are allowed.
    Method(&'static str),
    /// The rows do not fit the format.
    Format(String),
    TooManyRequests(Duration),
    /// Too many pages are being read or sent.
    Busy,
    /// The clients are not known.
    Clients(Unknown),
    /// More Hawk requests came than can be remembered.
    Nonces,
    /// What is read could not be noted.
    NotesFull,
    /// The rows cannot be read; the code is for the log.
    Database(&'static str),
    /// A bug in the reader, whose panic is in the log.
    Bug,
}

/// Why it is not known who asks. The client learns no more than that, unless only its clock is wrong.
#[derive(Debug)]
pub enum Cause {
    Hawk(hawk_auth::Refusal),
    /// There is no `Authorization`, or it has a scheme that is off.
    NoScheme,
    /// `Authorization` is there twice, or cannot be parsed.
    Malformed,
    UnknownClient,
    KeyWrong,
}

impl Cause {
    /// A stable word for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Hawk(refusal) => refusal.code(),
            Self::NoScheme => "no_scheme",
            Self::Malformed => "malformed",
            Self::UnknownClient => "unknown_client",
            Self::KeyWrong => "key_wrong",
        }
    }
}

impl From<BadParameter> for Refusal {
    fn from(parameter: BadParameter) -> Self {
        Self::Parameter(parameter)
    }
}

impl From<relations::Error> for Refusal {
    fn from(error: relations::Error) -> Self {
        match error {
            relations::Error::Parameter(parameter) => Self::Parameter(parameter),
            relations::Error::Format(error) if error.is_about_the_data() => {
                Self::Format(format!("{error}."))
            }
            relations::Error::Format(error) => {
                log::error!(error:%; "Rows cannot be written.");
                Self::Bug
            }
            relations::Error::KeyNotUnique => {
                log::error!("A published relation cannot be read: its key is not unique.");
                Self::Database("key_not_unique")
            }
            relations::Error::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<store::Unavailable> for Refusal {
    /// Without PostgreSQL's message, which may quote a value of the client.
    fn from(unavailable: store::Unavailable) -> Self {
        Self::Database(unavailable.kind.code())
    }
}
