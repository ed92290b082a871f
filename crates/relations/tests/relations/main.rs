//! Relations on a real PostgreSQL.

#![expect(clippy::indexing_slicing, reason = "helpers of tests may panic")]

mod exports;
mod filters;
mod pages;
mod structure;
mod support;
