//! What holds of every submission, tried on generated ones, on the fuzzer's seeds and on random bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod holds;

mod accepted;
mod any_bytes;
mod refused;
