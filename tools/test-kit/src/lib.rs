//! What tests, the local run and the benchmark stand on: throwaway PostgreSQL, real service processes, queues seen from
//! outside, signed requests. Nothing here depends on the services' own code.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose surroundings fail has nothing better to do"
)]

pub mod postgres;
pub mod service;
pub mod signals;
pub mod sqs;

pub mod forms;
pub mod generated;
pub mod stack;

pub mod fauxqs;
pub mod local;
pub mod reference;
pub mod wait;

pub use postgres::TestDatabase;
pub use service::Service;
pub use sqs::Sqs;
pub use stack::Stack;
