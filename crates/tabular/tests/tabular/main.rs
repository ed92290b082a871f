//! The formats, read back by programs that we did not write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod table;

mod reader;
mod written;

mod csv;
mod guard;
mod json_lines;
mod parquet;
mod xlsx;

mod failures;
mod memory;
mod speed;
