//! The real program over real HTTP, with a real queue behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod described;

mod contract;

mod acknowledging;
mod created_queues;
mod floods;
mod form_types;
mod growth;
mod hawk;
mod health;
mod idempotency;
mod limits;
mod logs;
mod metrics;
mod openapi;
mod overload;
mod queue_limits;
mod queue_unavailable;
mod readiness;
mod settings;
mod slow_readers;
mod stalled;
mod stopping;
