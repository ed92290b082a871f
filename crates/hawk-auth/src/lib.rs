//! Hawk over plain values: who signed a request, or why it is refused, and the headers that answer it.
//!
//! Nothing here reads a clock, waits, or knows a web framework, so that every service that takes Hawk shares one reading.
//! A service calls [`Verifier::verify`] with what it received and the time.
//! It adds [`Verified::server_authorization`] to the answer, or says 401 with [`Refusal::www_authenticate`] and nothing
//! else; [`Refusal::code`] is for its log and its metrics.
//!
//! The algorithm is SHA-256, the hash of the payload is required, and clocks may differ by [`SKEW_SECONDS`].
//!
//! **What the crate `hawk` does here, and what not.** HMAC ([`hawk::Key`]) and the hash of the payload
//! ([`hawk::PayloadHasher`]) are its.
//! Its `Request::validate_header` is not used: it gives one boolean, reads the clock itself, and knows no nonces.
//! Nor is its `Mac::new`: it leaves `app` and `dlg` out of what is signed, which the protocol's reference and mohawk sign;
//! a request that it signs with `app` is therefore refused.
//! Nor its `Header::from_str`, which lets a later attribute replace an earlier one.
//! The tests hold all of this to its client side, to mohawk, and to published examples.

mod verify;

// In the order in which a request meets them.
mod header;

mod clients;

mod mac;

mod nonces;

mod refusal;
mod verified;

pub use clients::{Clients, ClientsError};
pub use refusal::Refusal;
pub use verified::Verified;
pub use verify::{Request, SKEW_SECONDS, Verifier};
