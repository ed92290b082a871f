//! The server from outside: a real one on a port of its own for every test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

mod boto3;
mod durability;
mod faults;
mod limits;
mod queues;
mod receiving;
mod sending;
mod stopping;
