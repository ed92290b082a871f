//! The benchmark: how much the services accept and store, next to the same work without a queue, on the same machine at
//! the same time. Development only.
//!
//! `load` makes requests over `connection`. `intake`, `drain` and `end_to_end` measure with it, `measure` runs all of
//! them for each revision, `pairs` compares two revisions, and `figures`, `report` and `plots` present the results. `count` counts instructions instead
//! of time, `large` measures a table with millions of rows, and `reader` what reading one costs.

#![allow(missing_docs, reason = "a development tool: only what a name cannot say is documented")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement cannot go on when its queue, database or service fails"
)]

// Requests, and when they are made.
pub mod connection;
pub mod load;
pub mod requests;

// Where the services run, and how we look at them from outside.
pub mod commands;
pub mod fill_queue;
pub mod forms_table;
pub mod lab;
pub mod memory;

// What is measured, and the two programs it is compared with.
pub mod bare_insert;
pub mod drain;
pub mod end_to_end;
pub mod intake;
pub mod null_sink;
pub mod page;
pub mod with_fauxqs;

pub mod count;
pub mod large;
pub mod measure;
pub mod pairs;
pub mod reader;
pub mod sweep;

// The results.
pub mod figures;
pub mod machine;
pub mod plots;
pub mod report;
pub mod table;
