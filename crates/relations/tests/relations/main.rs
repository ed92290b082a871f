//! Relations on a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic")]

mod exports;
mod filters;
mod pages;
mod structure;
mod support;
