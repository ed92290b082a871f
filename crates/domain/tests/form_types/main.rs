//! Form types: which forms they accept, and their sentences about the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod answers;

mod lists;
mod mistakes;
mod sentences;
mod shipped;
