//! Hawk over plain values: who signed a request or why it is refused, and the headers of the
//! answer.
//!
//! Nothing here reads a clock, waits, or knows a web framework, so every service that accepts Hawk
//! interprets requests in the same way.
//!
//! A service calls [`Verifier::verify_head`] with the head of a request and the time, reads the body,
//! and calls [`Verifier::verify_body`]; or [`Verifier::verify`] with both.
//! It adds [`Verified::server_authorization`] to the answer, or answers 401 with
//! [`Refusal::www_authenticate`] and nothing else.
//! [`Refusal::code`] is for its log and its metrics.
//!
//! The algorithm is SHA-256, the payload hash is required (a verifier may accept reads without it),
//! and clocks may differ by [`SKEW_SECONDS`].
//!
//! **The crate `hawk`.** We use its HMAC ([`hawk::Key`]) and its payload hash
//! ([`hawk::PayloadHasher`]). We do not use the rest:
//! - `Request::validate_header` returns only a boolean, reads the clock itself, and does not check
//!   nonces.
//! - `Mac::new` does not sign `app` and `dlg`, although the protocol's reference and mohawk do. We
//!   therefore refuse a request that it signs with `app`.
//! - `Header::from_str` lets a later attribute replace an earlier one.
//!
//! The tests compare our results with the client side of `hawk`, with mohawk, and with published
//! examples.

mod verify;

// The modules are in the order in which a request passes through them.
mod request;

mod header;

mod clients;

mod mac;

mod nonces;

mod refusal;
mod verified;

pub use clients::{Clients, ClientsError};
pub use refusal::Refusal;
pub use request::{Head, Request};
pub use verified::Verified;
pub use verify::{SKEW_SECONDS, SignedHead, Verifier};
