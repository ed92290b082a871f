//! What every service gets from this crate, seen from outside: `examples/smallest.rs` runs as a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod settings;

mod logs;
mod must_live;
mod stopping;

mod health;
mod healthcheck;
mod metrics;

use test_kit::Service;

/// Starts the service with these variables on a free port, and returns when it listens.
fn start(variables: &[(&str, &str)]) -> Service {
    Service::start("examples/smallest", variables)
}
