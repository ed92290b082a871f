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
const NOT_HERE: Reason = Reason {
    code: "submission-not-here",
    status: StatusCode::NOT_FOUND,
    title: "The submission is not here",
    when: "It is still in the queue, was set aside as invalid or was never accepted, or the client may not read its form type. POST /api/v1/submissions/states says which.",
};
const VERSION_GONE: Reason = Reason {
    code: "version-gone",
    status: StatusCode::GONE,
    title: "This version of the dataset is gone",
    when: "The dataset has newer versions, and this one was removed or never there. Begin again without version and next-id.",
};
const ERASED: Reason = Reason {
    code: "erased",
    status: StatusCode::GONE,
    title: "The submission was erased",
    when: "Its content was removed, and submissions/erasures lists it. Remove your copies too.",
};
const HTTP_VERSION: Reason = Reason {
    code: "http-version",
    status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    title: "An export needs HTTP/1.1",
    when: "HTTP/1.0 has no chunks, so a client could not see that an export broke off. A proxy may speak it: nginx needs proxy_http_version 1.1.",
};
const TEMP_FILE: Reason = Reason {
    code: "no-temporary-file",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "The file cannot be made at the moment",
    when: "XLSX needs room in READER_TEMP_DIR, and there is none.",
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
    when: "The client has sent more requests than READER_REQUESTS_PER_MINUTE allows, more than 50 of its requests wait for rows, or it takes two exports already. Retry-After says when to go on.",
};
const BUSY: Reason = Reason {
    code: "busy",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "Too much is being read at the moment",
    when: "No connection, or no share of READER_BYTES_IN_FLIGHT, became free within 5 s, or there are READER_STREAMS exports already.",
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
pub const ALL: [&Reason; 20] = [
    &PARAMETER,
    &BODY,
    &NOT_RECOGNISED,
    &SCOPE,
    &NOT_FOUND,
    &NOT_HERE,
    &METHOD,
    &VERSION_GONE,
    &ERASED,
    &FORMAT,
    &TOO_MANY_REQUESTS,
    &BUG,
    &BUSY,
    &CLIENTS,
    &KEYS_UNREADABLE,
    &NONCES,
    &NOTES_FULL,
    &DATABASE,
    &TEMP_FILE,
    &HTTP_VERSION,
];

impl Refusal {
    pub fn reason(&self) -> &'static Reason {
        match self {
            Self::Parameter(_) => &PARAMETER,
            Self::Body(_) => &BODY,
            Self::NotRecognised(_) => &NOT_RECOGNISED,
            Self::Scope => &SCOPE,
            Self::NotFound => &NOT_FOUND,
            Self::VersionGone => &VERSION_GONE,
            Self::NotHere => &NOT_HERE,
            Self::Erased => &ERASED,
            Self::HttpVersion => &HTTP_VERSION,
            Self::TempFile => &TEMP_FILE,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_lists_every_refusal() {
        let mut table = "| status | code | when |\n|---|---|---|\n".to_owned();
        for reason in ALL {
            let Reason { code, status, when, .. } = reason;
            table.push_str(&format!("| {} | `{code}` | {when} |\n", status.as_u16()));
        }
        test_kit::reference::check("read-api.md", "refusals", &table);
    }
}
