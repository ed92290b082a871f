//! Tests of the server from outside: every test has a real server on a port of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;
mod small_disk;

mod boto3;
mod disk;
mod durability;
mod errors;
mod faults;
mod limits;
mod listening;
mod polling;
mod queues;
mod receive_counts;
mod receiving;
mod request_length;
mod sending;
mod sizes;
mod stopping;
