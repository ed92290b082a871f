//! Tests of the store on a real PostgreSQL, with a database per test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests")]

mod adoption;
mod batches;
mod concurrency;
mod discretion;
mod far_away;
mod large_table;
mod migrations;
mod outages;
mod outcomes;
mod probe;
mod rights;
mod support;
