//! The reasons, for answers, metrics and documents.

use actix_web::http::StatusCode;

use super::Refusal;
use crate::clients::Unknown;

/// A reason for refusals.
#[derive(Debug)]
pub struct Reason {
    /// In `type`, log lines, the metric's label and alerts, so it never changes.
    pub code: &'static str,
    pub status: StatusCode,
    /// The same for every refusal with this reason.
    pub title: &'static str,
    /// When it happens and what to do: for the page about it.
    pub when: &'static str,
}

const PARAMETER: Reason = Reason {
    code: "bad-parameter",
    status: StatusCode::BAD_REQUEST,
    title: "A parameter cannot be used",
    when: "A parameter is unknown, is there twice, does not belong here, or has a value that does not fit. The detail names it.",
};
const BODY: Reason = Reason {
    code: "bad-body",
    status: StatusCode::BAD_REQUEST,
    title: "The body cannot be used",
    when: "A GET has a body, or the body of a POST is too long, broke off or is not a form.",
};
const NOT_RECOGNISED: Reason = Reason {
    code: "not-recognised",
    status: StatusCode::UNAUTHORIZED,
    title: "The request has no valid credentials",
    when: "The credentials are missing, wrong or of a scheme that is off, or a signed request has come before. Only a wrong clock is named: then WWW-Authenticate has the time of the reader.",
};
const SCOPE: Reason = Reason {
    code: "not-allowed",
    status: StatusCode::FORBIDDEN,
    title: "This client may not read this",
    when: "No scope of the client covers the relation, whether it exists or not.",
};
const NOT_FOUND: Reason = Reason {
    code: "not-found",
    status: StatusCode::NOT_FOUND,
    title: "There is nothing here",
    when: "The path is unknown, or the relation is not published or has no column that the client may read.",
};
const METHOD: Reason = Reason {
    code: "method-not-allowed",
    status: StatusCode::METHOD_NOT_ALLOWED,
    title: "The method is not allowed here",
    when: "The route knows other methods; Allow names them.",
};
const FORMAT: Reason = Reason {
    code: "does-not-fit-format",
    status: StatusCode::UNPROCESSABLE_ENTITY,
    title: "The rows do not fit the format",
    when: "The format cannot hold a value, a column or that many rows. The detail names the place.",
};
const TOO_MANY_REQUESTS: Reason = Reason {
    code: "too-many-requests",
    status: StatusCode::TOO_MANY_REQUESTS,
    title: "The client sends too many requests",
    when: "The client has sent more requests than READER_REQUESTS_PER_MINUTE allows, or too many of its requests wait for rows. Retry-After says when to go on.",
};
const BUSY: Reason = Reason {
    code: "busy",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "Too much is being read at the moment",
    when: "No connection, or no share of READER_BYTES_IN_FLIGHT, became free within 5 s.",
};
const CLIENTS: Reason = Reason {
    code: "clients-unknown",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "The clients cannot be read at the moment",
    when: "The primary has been away for more than 5 minutes, or the reader has just started.",
};
const KEYS_UNREADABLE: Reason = Reason {
    code: "keys-unreadable",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "The keys of clients cannot be read",
    when: "CREDENTIALS_KEY opens none of the keys, so nobody can be recognised.",
};
const NONCES: Reason = Reason {
    code: "nonces-full",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "Too many signed requests came in two minutes",
    when: "More than HAWK_NONCES requests came within two minutes, so a repeated one could not be recognised.",
};
const NOTES_FULL: Reason = Reason {
    code: "notes-full",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "What is read cannot be noted at the moment",
    when: "The primary has been away for so long that no more notes about who has read what fit into memory.",
};
const DATABASE: Reason = Reason {
    code: "database-unavailable",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "The rows cannot be read at the moment",
    when: "The database does not answer, or a query took longer than READER_STATEMENT_SECONDS.",
};
const BUG: Reason = Reason {
    code: "internal-error",
    status: StatusCode::INTERNAL_SERVER_ERROR,
    title: "The reader has a bug",
    when: "A bug in the reader. Its log names the place.",
};

/// Every reason, by status.
pub const ALL: [&Reason; 15] = [
    &PARAMETER,
    &BODY,
    &NOT_RECOGNISED,
    &SCOPE,
    &NOT_FOUND,
    &METHOD,
    &FORMAT,
    &TOO_MANY_REQUESTS,
    &BUG,
    &BUSY,
    &CLIENTS,
    &KEYS_UNREADABLE,
    &NONCES,
    &NOTES_FULL,
    &DATABASE,
];

impl Refusal {
    pub fn reason(&self) -> &'static Reason {
        match self {
            Self::Parameter(_) => &PARAMETER,
            Self::Body(_) => &BODY,
            Self::NotRecognised(_) => &NOT_RECOGNISED,
            Self::Scope => &SCOPE,
            Self::NotFound => &NOT_FOUND,
            Self::Method(_) => &METHOD,
            Self::Format(_) => &FORMAT,
            Self::TooManyRequests(_) => &TOO_MANY_REQUESTS,
            Self::Busy => &BUSY,
            Self::Clients(Unknown::NotRead) => &CLIENTS,
            Self::Clients(Unknown::KeysUnreadable) => &KEYS_UNREADABLE,
            Self::Nonces => &NONCES,
            Self::NotesFull => &NOTES_FULL,
            Self::Database(_) => &DATABASE,
            Self::Bug => &BUG,
        }
    }
}
