//! The real program, between a real queue and a real database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod settlement;

mod form_types;
mod garbage;
mod generated;

mod invalid_list;
mod operator;
mod redrive;

mod killed;
mod metrics;
mod old_database;
mod outages;
mod restricted_role;
mod schema;
mod settings;
mod stopping;
mod through;
mod tracing;
