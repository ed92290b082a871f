//! The reader over real HTTP, on a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod described;
mod downloads;
mod support;

mod access;
mod broken_streams;
mod caching;
mod gone;
mod hawk;
mod hostile;
mod notes;
mod openapi;
mod originals;
mod pages;
mod parameters;
mod replica;
mod rights;
mod settings;
mod streams;
mod structure;
mod submissions;
mod versions;
mod waiting;
