//! The reasons of `hawk-auth`, with its codes.

use actix_web::http::StatusCode;
use hawk_auth::Refusal;

use super::{Check, Reason, TRY_AGAIN};

/// The sender does not learn what is wrong, except that its clock may be.
const NOT_SIGNED: &str = "The request is not signed correctly.";

pub fn reasons() -> Vec<Reason> {
    let stale = Refusal::StaleTimestamp { now: 0, tsm: String::new() };
    [
        Refusal::NoHeader,
        Refusal::AnotherScheme,
        Refusal::HeaderTooLong,
        Refusal::Malformed,
        Refusal::DuplicateAttribute,
        Refusal::AttributeMissing,
        Refusal::UnknownClient,
        Refusal::MacWrong,
        stale,
        Refusal::PayloadHashMissing,
        Refusal::PayloadHashWrong,
        Refusal::NonceSeen,
        Refusal::NonceMemoryFull,
    ]
    .iter()
    .map(reason)
    .collect()
}

pub fn reason(refusal: &Refusal) -> Reason {
    let (when, starts_at_zero) = match refusal {
        Refusal::NoHeader => ("There is no `Authorization` header.", true),
        Refusal::AnotherScheme => ("`Authorization` uses another scheme than Hawk.", false),
        Refusal::HeaderTooLong => ("`Authorization` is longer than 4,096 bytes.", false),
        Refusal::Malformed => ("`Authorization` is malformed.", false),
        Refusal::DuplicateAttribute => ("`Authorization` has an attribute twice.", false),
        Refusal::AttributeMissing => {
            ("`id`, `ts`, `nonce` or `mac` is missing from `Authorization`, or empty.", false)
        }
        Refusal::UnknownClient => ("`HAWK_CLIENTS` has no client with this `id`.", true),
        Refusal::MacWrong => ("No key of the client gives this `mac`.", true),
        Refusal::StaleTimestamp { .. } => (
            "The clock of the client is wrong; `WWW-Authenticate` has the api's time as `ts`, and \
             `tsm`, which proves it.",
            true,
        ),
        Refusal::PayloadHashMissing => ("The `hash` of the body is missing.", false),
        Refusal::PayloadHashWrong => {
            ("The body or its `Content-Type` differs from the signed one.", true)
        }
        Refusal::NonceSeen => ("The request has been sent before.", true),
        Refusal::NonceMemoryFull => (
            "More than `HAWK_NONCES` requests came within two minutes, so a repeated one could \
             not be recognised.",
            false,
        ),
    };
    // The request is fine, so this is an outage.
    let (status, detail) = match refusal {
        Refusal::NonceMemoryFull => (StatusCode::SERVICE_UNAVAILABLE, TRY_AGAIN),
        _ => (StatusCode::UNAUTHORIZED, NOT_SIGNED),
    };
    Reason { code: refusal.code(), status, detail, when, check: Check::Hawk, starts_at_zero }
}
