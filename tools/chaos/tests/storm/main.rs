//! The program's parts against the real system: that it keeps its promises, and that the checker sees where it does not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod program;

mod between;

mod content;
mod sabotage;
