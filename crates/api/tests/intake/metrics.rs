//! Gauges of the api, and how tests read its metrics.

use std::time::Duration;

use futures_util::future::join_all;
use test_kit::{Fault, Service, Stack, forms::registration, http::Http, stack::QUEUE, wait};

pub const METRICS: (&str, &str) = ("METRICS_ADDRESS", "127.0.0.1:0");

/// The value of a metric, by its name with labels.
pub async fn sample(service: &Service, name: &str) -> Option<f64> {
    let log = service.log();
    let address = log.split("metrics_address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let text = Http::at(format!("http://{address}")).get("/metrics").await.body;
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .map(|value| value.parse().unwrap())
}

const CALLS: &str = r#"form_data_sqs_calls_under_way{operation="SendMessageBatch"}"#;

/// One call is in flight, and the others wait for it.
#[tokio::test]
async fn forms_that_wait_to_be_sent_are_counted() {
    let stack = Stack::start();
    let one_call = [METRICS, ("SQS_SENDS_UNDER_WAY", "1"), ("SQS_SEND_TIMEOUT_SECONDS", "60")];
    let api = stack.ready_api(&one_call).await;
    let waiting = r#"form_data_sends_waiting{queue="directory-form-data"}"#;
    assert_eq!(sample(&api, waiting).await, Some(0.0));
    let delay = Fault::on("SendMessageBatch").delay_before_work(Duration::from_secs(10));
    stack.sqs.fault(delay.times(1)).await;
    let reaches = async |name: &str, value: f64| {
        let what = format!("{name} is {value}");
        wait::until_true(&what, async || sample(&api, name).await == Some(value)).await;
    };
    let others = async {
        reaches(CALLS, 1.0).await;
        let sends = join_all((1..31).map(|number| api.post_form(registration(number))));
        tokio::join!(sends, reaches(waiting, 30.0)).0
    };
    let (first, mut answers) = tokio::join!(api.post_form(registration(0)), others);
    answers.push(first);
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert_eq!(sample(&api, waiting).await, Some(0.0));
    stack.expect_messages_left(QUEUE, 31);
}

#[tokio::test]
async fn the_memory_of_the_process_is_a_gauge() {
    let stack = Stack::start();
    let api = stack.ready_api(&[METRICS]).await;
    let resident = sample(&api, "form_data_resident_bytes").await.unwrap_or_default();
    let actual = api.memory().now as f64;
    assert!((actual * 0.5..actual * 1.5).contains(&resident), "{resident} of {actual}");
}
