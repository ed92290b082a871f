//! A backlog of messages that are almost as large as SQS allows: the worker must neither take its
//! own work for an outage of the database, nor receive more than it can store in time.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use test_kit::{
    Service, Stack,
    program::path_of,
    stack::{self, INVALID, QUEUE},
};
use tokio::time::sleep;

use super::{database_unavailable::GATE_IS_SHUT, metrics::metrics};

/// A program to measure instead of the one that was built with the tests.
const OTHER_WORKER: &str = "LARGE_MESSAGES_WORKER";

/// What a backlog did to the worker; printed as a whole.
#[derive(Debug)]
#[expect(dead_code, reason = "Debug shows all")]
struct Figures {
    seconds: f64,
    rows: usize,
    deliveries: f64,
    /// Messages that SQS would have delivered a third time.
    delivered_too_often: u64,
    outages: usize,
    peak_mib: u64,
}

/// The real experiment, for a release build: 500 messages of 1.04 MB, default settings, one core.
///
/// ```text
/// cargo build -p local-sqs --bins && cargo test -p worker --no-run
/// LARGE_MESSAGES_WORKER=target/release/worker target/debug/with-postgres -- \
///     cargo test -p worker --test work -- --ignored --nocapture a_backlog_of_the_largest
/// ```
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and wants a release build of the worker"]
async fn a_backlog_of_the_largest_messages_is_stored_without_a_false_outage() {
    let figures = drain(500, 1_040_000, &[]).await;
    println!("{figures:?}");
    check(&figures, 500);
    assert!(figures.peak_mib <= 256, "{figures:?}");
}

#[tokio::test]
async fn a_backlog_of_large_messages_is_stored_without_a_false_outage() {
    let figures = drain(400, 100_000, &[("WORKER_BATCH_BYTES", "400000")]).await;
    println!("{figures:?}");
    check(&figures, 400);
}

fn check(figures: &Figures, messages: usize) {
    assert_eq!(figures.outages, 0, "{figures:?}");
    assert_eq!(figures.rows, messages, "{figures:?}");
    assert_eq!(figures.delivered_too_often, 0, "{figures:?}");
}

/// Lets a worker on one core drain a backlog of messages of this size.
async fn drain(messages: usize, bytes: usize, variables: &[(&str, &str)]) -> Figures {
    let stack = Stack::start();
    stack.allow_messages_left("the figures say how many were set aside");
    stack.sqs.create(INVALID, json!({})).await;
    let invalid = &stack.sqs.attributes(INVALID).await["QueueArn"];
    let policy = json!({ "deadLetterTargetArn": invalid, "maxReceiveCount": 2 }).to_string();
    stack.sqs.create(QUEUE, json!({ "RedrivePolicy": policy })).await;
    // Many small objects: the longest to decode and to store for their size.
    let body = format!(r#"{{"data":[{}0]}}"#, r#"{"":0},"#.repeat(bytes / 7));
    for _ in 0..messages {
        stack.sqs.send(QUEUE, &body, &[]).await;
    }
    let worker = worker_on_one_core(&stack, variables);
    let started = Instant::now();
    loop {
        sleep(Duration::from_millis(100)).await;
        let counts = stack.sqs.counts(QUEUE).await;
        assert!(started.elapsed() < Duration::from_secs(1200), "{counts:?}: {}", worker.log());
        if counts.visible + counts.in_flight == 0 {
            break;
        }
    }
    let deliveries =
        metrics(&worker).await[r#"form_data_sqs_call_messages_sum{operation="ReceiveMessage"}"#];
    let aside = stack.sqs.counts(INVALID).await;
    Figures {
        seconds: started.elapsed().as_secs_f64(),
        rows: stack.rows(),
        deliveries,
        delivered_too_often: aside.visible + aside.in_flight,
        outages: worker.log().matches(GATE_IS_SHUT).count(),
        peak_mib: worker.memory().most >> 20,
    }
}

fn worker_on_one_core(stack: &Stack, variables: &[(&str, &str)]) -> Service {
    #[expect(clippy::disallowed_methods, reason = "not a service's setting")]
    let other = std::env::var_os(OTHER_WORKER).map(PathBuf::from);
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(other.unwrap_or_else(|| path_of("worker"))).env_clear();
    command.envs(stack::aws(stack.sqs.endpoint())).envs([
        ("DATABASE_URL", stack.database.url().as_str()),
        ("SQS_VISIBILITY_TIMEOUT", "120"),
        ("METRICS_ADDRESS", "127.0.0.1:0"),
        ("BIND_ADDRESS", "127.0.0.1"),
        ("PORT", "0"),
    ]);
    Service::spawn("worker", command.envs(variables.iter().copied()))
}
