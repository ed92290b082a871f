//! Queues that existed before may lose messages by their attributes: the worker warns, and says how
//! to fix it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_kit::{
    Service, Stack,
    stack::{INVALID, QUEUE},
};

use crate::metrics::{METRICS, metrics};

const RETENTION: &str = "MessageRetentionPeriod";
const REDRIVE: &str = "RedrivePolicy";

fn redrive_policy(target: &str, max_receive_count: u32) -> String {
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{target}");
    json!({ "deadLetterTargetArn": arn, "maxReceiveCount": max_receive_count }).to_string()
}

/// The warnings about attributes: queue, attribute, value, and the line.
fn warnings(worker: &Service) -> Vec<(String, String, String, String)> {
    let log = worker.log();
    let lines = log.lines().filter(|line| line.contains("aws sqs set-queue-attributes"));
    let field = |line: &str, name: &str| {
        let value = line.split(&format!(" {name}=")).nth(1).unwrap_or_default();
        value.split(' ').next().unwrap_or_default().trim_matches('"').to_owned()
    };
    let parts = |line: &str| {
        (field(line, "queue"), field(line, "attribute"), field(line, "is"), line.to_owned())
    };
    lines.map(parts).collect()
}

/// Does what the command in a line does, and nothing else.
async fn run_command(stack: &Stack, line: &str) {
    let after = |text: &str| line.split(text).nth(1).unwrap().to_owned();
    let url = after("--queue-url ").split(' ').next().unwrap().to_owned();
    let attributes = after("--attributes '").split('\'').next().unwrap().to_owned();
    let attributes: BTreeMap<String, String> = serde_json::from_str(&attributes).unwrap();
    stack
        .sqs
        .call("SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": attributes }))
        .await;
}

#[tokio::test]
async fn each_attribute_that_can_lose_forms_is_named_with_the_command_that_fixes_it() {
    let stack = Stack::start();
    stack.sqs.create("foreign", json!({})).await;
    stack.sqs.create(INVALID, json!({ RETENTION: "60" })).await;
    let attributes = json!({ RETENTION: "345600", REDRIVE: redrive_policy("foreign", 1) });
    stack.sqs.create(QUEUE, attributes).await;

    let worker = stack.ready_worker(&[METRICS]).await;
    worker.logged("aws sqs set-queue-attributes").await;
    worker.logged("maxReceiveCount").await;
    let warnings = warnings(&worker);
    let named: Vec<[&str; 3]> =
        warnings.iter().map(|(queue, attribute, is, _)| [&**queue, attribute, is]).collect();
    assert_eq!(
        named,
        [
            [QUEUE, RETENTION, "345600"],
            [INVALID, RETENTION, "60"],
            [QUEUE, "deadLetterTargetArn", "foreign"],
            [QUEUE, "maxReceiveCount", "1"],
        ],
        "{}",
        worker.log()
    );
    let sampled = metrics(&worker).await;
    let retention = |queue: &str| {
        sampled.get(&format!("form_data_queue_retention_seconds{{queue=\"{queue}\"}}")).copied()
    };
    assert_eq!((retention(QUEUE), retention(INVALID)), (Some(345_600.0), Some(60.0)));

    for (_, _, _, line) in &warnings {
        run_command(&stack, line).await;
    }
    drop(worker);
    let worker = stack.ready_worker(&[METRICS]).await;
    worker.logged("The attributes of the queues are as they should be.").await;
    assert_eq!(self::warnings(&worker), []);
    let policy: Value = serde_json::from_str(&stack.sqs.attributes(QUEUE).await[REDRIVE]).unwrap();
    assert!(policy["deadLetterTargetArn"].as_str().unwrap().ends_with(&format!(":{INVALID}")));
}

#[tokio::test]
async fn a_form_queue_without_a_redrive_policy_is_named_with_the_command_that_adds_one() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({ RETENTION: "1209600" })).await;
    let worker = stack.ready_worker(&[]).await;
    worker.logged("aws sqs set-queue-attributes").await;
    let warnings = warnings(&worker);
    let [(queue, attribute, is, line)] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!([queue, attribute, is], [QUEUE, REDRIVE, "none"]);
    run_command(&stack, line).await;
    assert!(stack.sqs.attributes(QUEUE).await[REDRIVE].contains(INVALID));
}
