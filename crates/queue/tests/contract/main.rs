//! What this crate relies on, held against local-sqs and against a server that we did not write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod server;

mod provisioning;
mod receiving;
mod sending;
mod settling;

/// Each test against each server.
macro_rules! against_both_servers {
    ($($test:ident),* $(,)?) => {
        mod local_sqs {
            $(#[tokio::test] async fn $test() { super::$test(crate::server::Server::local_sqs()).await })*
        }
        mod fauxqs {
            $(#[tokio::test] async fn $test() { super::$test(crate::server::Server::fauxqs()).await })*
        }
    };
}
pub(crate) use against_both_servers;
