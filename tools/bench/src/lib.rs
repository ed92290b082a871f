//! The benchmark: how much the services take and store, next to the same work without the queue, on the same machine at
//! the same time. Development only.
//!
//! `load` and what it stands on make requests; `intake`, `work` and `through` measure with them; `table`, `report` and
//! `plots` show what came out. `count` counts instructions instead of time.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement whose surroundings fail has nothing better to do"
)]

// Requests, and when they are made.
pub mod connection;
pub mod load;
pub mod requests;

// What is measured, and what it is compared with.
pub mod null_sink;
pub mod surroundings;

pub mod backlog;
pub mod memory;
pub mod rows;

pub mod intake;
pub mod through;
pub mod work;

pub mod count;

pub mod machine;
pub mod plots;
pub mod report;
pub mod table;
