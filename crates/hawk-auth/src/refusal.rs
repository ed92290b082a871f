//! Why a request is refused: many causes inside, one answer outside.

use std::borrow::Cow;

use thiserror::Error;

/// Why a request is refused, in the order in which it is looked at. Nothing of the request is in it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// There is no `Authorization`.
    #[error("there is no Authorization header")]
    NoHeader,
    /// `Authorization` begins with something other than `Hawk`.
    #[error("the Authorization header is of another scheme")]
    AnotherScheme,
    /// `Authorization` has more than 4,096 bytes.
    #[error("the Authorization header is too long")]
    HeaderTooLong,
    /// `Authorization` cannot be read, or says what Hawk does not have.
    #[error("the Authorization header is malformed")]
    Malformed,
    /// The same attribute is there twice.
    #[error("the Authorization header has an attribute twice")]
    DuplicateAttribute,
    /// `id`, `ts`, `nonce` or `mac` is not there, or is empty.
    #[error("the Authorization header lacks an attribute")]
    AttributeMissing,
    /// There is no client of this id.
    #[error("the client is not known")]
    UnknownClient,
    /// No key of the client gives this MAC: another key, or something that it covers was altered.
    #[error("the MAC is wrong")]
    MacWrong,
    /// All that was looked at is right but the clock; the client may learn our time, with a MAC over it.
    #[error("the timestamp is outside the skew")]
    StaleTimestamp {
        /// Our time in Unix seconds.
        now: u64,
        /// Its MAC, in base64, with the key that the client used.
        tsm: String,
    },
    /// The client signed no hash of the payload.
    #[error("the payload hash is missing")]
    PayloadHashMissing,
    /// The body, or its media type, is not what the client signed.
    #[error("the payload hash is wrong")]
    PayloadHashWrong,
    /// This instance took a request of this client with this nonce and timestamp before.
    #[error("the nonce was seen before")]
    NonceSeen,
    /// The request is good, but its nonce cannot be remembered: trouble of ours, like an outage, and over within two
    /// minutes.
    #[error("no more nonces can be remembered")]
    NonceMemoryFull,
}

impl Refusal {
    /// One word for the log and the metrics; it does not change.
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

    /// The value of `WWW-Authenticate`. It tells the causes apart in one case only: the client has the key, and nothing
    /// but its clock may be wrong.
    pub fn www_authenticate(&self) -> Cow<'static, str> {
        match self {
            Self::StaleTimestamp { now, tsm } => {
                format!("Hawk ts=\"{now}\", tsm=\"{tsm}\", error=\"Stale timestamp\"").into()
            }
            _ => "Hawk".into(),
        }
    }
}
