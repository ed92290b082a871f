//! Why a request is refused: many causes inside, one answer outside.

use std::borrow::Cow;

use thiserror::Error;

/// Why a request is refused, in the order of the checks. It holds no part of the request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// There is no `Authorization` header.
    #[error("there is no Authorization header")]
    NoHeader,
    /// `Authorization` begins with something other than `Hawk`.
    #[error("the Authorization header has another scheme")]
    AnotherScheme,
    /// `Authorization` has more than 4,096 bytes.
    #[error("the Authorization header is too long")]
    HeaderTooLong,
    /// `Authorization` cannot be parsed, or has parts that Hawk does not have.
    #[error("the Authorization header is malformed")]
    Malformed,
    /// An attribute appears twice.
    #[error("the Authorization header has an attribute twice")]
    DuplicateAttribute,
    /// `id`, `ts`, `nonce` or `mac` is missing or empty.
    #[error("the Authorization header lacks an attribute")]
    AttributeMissing,
    /// There is no client with this id.
    #[error("the client is not known")]
    UnknownClient,
    /// No key of the client gives this MAC: the key is wrong, or something that the MAC covers was
    /// altered.
    #[error("the MAC is wrong")]
    MacWrong,
    /// Everything that was checked is right except the clock. The client may learn our time, with a
    /// MAC over it.
    #[error("the timestamp is outside the skew")]
    StaleTimestamp {
        /// Our time in Unix seconds.
        now: u64,
        /// The MAC over `now`, in base64, made with the key that the client used.
        tsm: String,
    },
    /// The client did not sign a payload hash.
    #[error("the payload hash is missing")]
    PayloadHashMissing,
    /// The body or its media type is not the one that the client signed.
    #[error("the payload hash is wrong")]
    PayloadHashWrong,
    /// This instance has already accepted a request from this client with this nonce and timestamp.
    #[error("the nonce was seen before")]
    NonceSeen,
    /// The request is good, but there is no room to remember its nonce. This is our fault, like an
    /// outage, and is over within two minutes.
    #[error("no more nonces can be remembered")]
    NonceMemoryFull,
}

impl Refusal {
    /// A stable word for the log and the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoHeader => "no_header",
            Self::AnotherScheme => "another_scheme",
            Self::HeaderTooLong => "header_too_long",
            Self::Malformed => "malformed",
            Self::DuplicateAttribute => "duplicate_attribute",
            Self::AttributeMissing => "attribute_missing",
            Self::UnknownClient => "unknown_client",
            Self::MacWrong => "mac_wrong",
            Self::StaleTimestamp { .. } => "stale_timestamp",
            Self::PayloadHashMissing => "payload_hash_missing",
            Self::PayloadHashWrong => "payload_hash_wrong",
            Self::NonceSeen => "nonce_seen",
            Self::NonceMemoryFull => "nonce_memory_full",
        }
    }

    /// The value of `WWW-Authenticate`. It differs for one cause only: the client has the key, and
    /// only its clock is wrong.
    pub fn www_authenticate(&self) -> Cow<'static, str> {
        match self {
            Self::StaleTimestamp { now, tsm } => {
                format!("Hawk ts=\"{now}\", tsm=\"{tsm}\", error=\"Stale timestamp\"").into()
            }
            _ => "Hawk".into(),
        }
    }
}
