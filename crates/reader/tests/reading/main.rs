//! The reader over real HTTP, on a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod support;

mod access;
mod hawk;
mod notes;
mod pages;
mod parameters;
mod settings;
mod structure;
mod waiting;
