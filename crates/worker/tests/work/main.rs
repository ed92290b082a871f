//! Tests of the real program between a real queue and a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod settlement;

mod finish_move;
mod form_types;
mod garbage;
mod generated;

mod invalid_list;
mod kept;
mod kept_redrive;
mod kept_settlement;
mod operator;
mod redrive;
mod redrive_refused;
mod removal;

mod database_unavailable;
mod durability;
mod failed_deletes;
mod failing_rows;
mod in_flight;
mod killed;
mod large_messages;
mod metrics;
mod old_database;
mod pooler;
mod queue_attributes;
mod queue_unavailable;
mod relations;
mod restricted_role;
mod schema;
mod settings;
mod small_disk;
mod stopping;
mod through;
mod tracing;
mod two_workers;
mod watermark;
