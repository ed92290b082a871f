//! Chaos against the real system: the system keeps its promises, and the checker notices each broken one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod program;

mod kills;

mod content;
mod sabotage;
