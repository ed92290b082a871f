//! Properties of every submission, tested with generated forms, the fuzzer's seeds and random
//! bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod invariants;

mod accepted;
mod random_bytes;
mod refused;
