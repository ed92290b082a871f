//! Tests of the store on a real PostgreSQL, with a database per test.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests"
)]

mod adoption;
mod batches;
mod clients;
mod concurrency;
mod database_page;
mod discretion;
mod durability;
mod far_away;
mod finish_move;
mod invalid;
mod large_table;
mod last_release;
mod migrations;
mod order;
mod outages;
mod outcomes;
mod pooler;
mod probe;
mod readers;
mod relations;
mod removal;
mod rights;
mod rows;
mod sessions;
mod support;
mod table_lock;
mod time_limits;
