//! Requests from the outside: signed by the crate `hawk`, by mohawk, and as published; whole, and with one thing altered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod sent;

mod holds;

mod good;

mod altered;
mod any_bytes;
mod clock;
mod nonces;
mod reading;
mod rotation;

mod mohawk;
mod published;
