//! The behaviour of SQS that this crate relies on, tested on local-sqs and on fauxqs, a server that we did not write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod server;

mod settings;

mod finding;
mod receiving;
mod sending;
mod settling;

/// Runs each test on each server.
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

#[test]
fn the_reference_page_has_every_metric() {
    let table = service::metrics::reference(queue::metrics::ALL);
    test_kit::reference::check("metrics.md", "queue", &table);
}
