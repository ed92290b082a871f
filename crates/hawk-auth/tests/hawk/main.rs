//! Requests signed by the crate `hawk`, by mohawk, and by the authors of published examples,
//! unaltered and with one thing altered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod sent;

mod invariants;

mod good;

mod altered;
mod clock;
mod in_two_steps;
mod nonces;
mod parsing;
mod random_bytes;
mod rotation;

mod mohawk;
mod published;
mod reads;
