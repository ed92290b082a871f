//! The harness of the tests, the local run, chaos and the benchmarks: throwaway PostgreSQL, the
//! real programs, queues seen from outside, signed requests. Nothing here depends on the code of
//! the services.
//!
//! # How to write a test
//!
//! ```no_run
//! use test_kit::{Fault, Signal, Stack, stack::QUEUE};
//!
//! # async fn test() {
//! let stack = Stack::start();
//! let api = stack.ready_api(&[("SQS_SEND_TIMEOUT_SECONDS", "1")]).await;
//! let worker = stack.ready_worker(&[]).await;
//!
//! let answer = api.post_form(r#"{"data": 1}"#).await;
//! assert_eq!(answer.status, 202, "{answer:?}");
//! stack.drained().await;
//! assert_eq!(stack.rows(), 1);
//!
//! stack.sqs.fault(Fault::on("SendMessageBatch").access_denied()).await;
//! let answer = api.post_form(r#"{"data": 2}"#).await.expect_status(503);
//! assert!(answer.header("Retry-After").is_some());
//!
//! let (status, log) = worker.stop(Signal::Term);
//! assert_eq!(status.code(), Some(0), "{log}");
//! # }
//! ```
//!
//! - **Start.** [`Stack::start`] gives the test a queue server and a database of its own, so all
//!   tests run in parallel. [`Stack::ready_api`] and [`Stack::ready_worker`] start a program and
//!   wait until it is ready; [`Stack::api`] and [`Stack::worker`] do not wait.
//! - **Send.** [`Service::get`] and [`Service::post_form`] for the usual requests;
//!   [`Service::request`] for any other (`.json(…)`, `.signed()`, `.authorization(…)`,
//!   `.header(…)`), sent by a client with `.send()` or as exact bytes with `.send_raw()`;
//!   [`Service::exchange`] for bytes that are not HTTP. [`Service::http`] gives a clone for tasks.
//! - **Answers.** [`http::Answer`] has `status`, `header(…)`, `body`, `json()`, `submission_id()`
//!   and `expect_status(…)`.
//! - **Break things.** [`Fault`] builds the faults of local-sqs; [`Service::signal`] freezes and
//!   kills programs; [`TestDatabase::lock`] locks a table; [`SlowNetwork`] delays what a client
//!   sends to a server.
//! - **Wait.** For a condition, never for a fixed time: [`Stack::drained`],
//!   [`Stack::wait_for_rows`], [`Stack::wait_for_counts`], [`Service::logged`], or [`wait::until`]
//!   and [`wait::until_true`]. That something does *not* happen is checked with
//!   [`wait::while_true`].
//! - **End.** When the stack is dropped, all its queues must be empty. A worker that is still busy
//!   has messages in flight, so wait with [`Stack::drained`] first. A test that leaves messages on
//!   purpose says so: `stack.expect_messages_left(QUEUE, 3)`, or `stack.allow_messages_left("why")`
//!   if the count is open.

#![allow(missing_docs, reason = "a development tool: most names say all there is to say")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test cannot go on without its surroundings"
)]

pub mod postgres;
pub mod program;
pub mod signals;
pub mod sqs;

pub mod fault;
pub mod forms;
pub mod generated;
pub mod http;
pub mod slow_network;
pub mod stack;
pub mod wait;

pub mod fauxqs;
pub mod local;
pub mod reference;

pub use fault::Fault;
pub use postgres::TestDatabase;
pub use program::{Service, Signal};
pub use slow_network::SlowNetwork;
pub use sqs::Sqs;
pub use stack::Stack;
