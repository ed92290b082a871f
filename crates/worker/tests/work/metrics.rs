//! What the services count, and what they say of themselves.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_kit::{
    Service, Stack,
    forms::{post, registration},
    stack::QUEUE,
    wait,
};

const METRICS: (&str, &str) = ("METRICS_ADDRESS", "127.0.0.1:0");

/// Samples by name with labels.
async fn metrics(service: &Service) -> BTreeMap<String, f64> {
    let log = service.log();
    let address = log.split("metrics_address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let text =
        reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    let samples =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn both_services_count_what_happens_to_forms() {
    let stack = Stack::start();
    let (api, worker) = (stack.api(&[METRICS]), stack.worker(&[METRICS]));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    // Before anything has happened, so that a first one is an increase.
    assert_eq!(metrics(&api).await[r#"form_data_refusals_total{reason="stale_timestamp"}"#], 0.0);
    assert_eq!(
        metrics(&worker).await[r#"form_data_messages_total{form_type="form",outcome="set_aside"}"#],
        0.0
    );
    let client = reqwest::Client::new();
    for number in 0..3 {
        assert_eq!(post(&client, &api.url(""), registration(number)).await.unwrap().status(), 202);
    }
    assert_eq!(post(&client, &api.url(""), "{}").await.unwrap().status(), 400);
    assert_eq!(client.post(api.url("/form/")).send().await.unwrap().status(), 400);
    stack.sqs.send(QUEUE, "garbage", &[]).await;
    stack.drained().await;

    let counted = metrics(&api).await;
    for (sample, value) in [
        (r#"form_data_request_seconds_count{route="/form/",method="POST",status="202"}"#, 3.0),
        (r#"form_data_request_seconds_count{route="/form/",method="POST",status="400"}"#, 2.0),
        (r#"form_data_refusals_total{reason="field_required"}"#, 1.0),
        (r#"form_data_refusals_total{reason="signature_wrong"}"#, 1.0),
        (r#"form_data_sqs_call_messages_sum{operation="SendMessageBatch"}"#, 3.0),
        (r#"form_data_sqs_calls_under_way{operation="SendMessageBatch"}"#, 0.0),
        (r#"form_data_queue_up{form_type="form"}"#, 1.0),
    ] {
        assert_eq!(counted.get(sample), Some(&value), "{sample}: {counted:#?}");
    }
    let counted = wait::until("all is counted", async || {
        let counted = metrics(&worker).await;
        let set_aside =
            counted[r#"form_data_messages_total{form_type="form",outcome="set_aside"}"#];
        (set_aside > 0.0).then_some(counted)
    })
    .await;
    for (sample, value) in [
        (r#"form_data_messages_total{form_type="form",outcome="stored"}"#, 3.0),
        (r#"form_data_messages_total{form_type="form",outcome="set_aside"}"#, 1.0),
        (r#"form_data_set_aside_total{form_type="form",reason="not_json"}"#, 1.0),
        ("form_data_insert_messages_sum", 4.0),
        (r#"form_data_stored_age_seconds_count{form_type="form"}"#, 3.0),
        (r#"form_data_sqs_call_messages_sum{operation="ReceiveMessage"}"#, 4.0),
        (r#"form_data_sqs_call_messages_sum{operation="DeleteMessageBatch"}"#, 4.0),
        ("form_data_database_up", 1.0),
        (r#"form_data_queue_up{form_type="form"}"#, 1.0),
    ] {
        assert_eq!(counted.get(sample), Some(&value), "{sample}: {counted:#?}");
    }
}

#[tokio::test]
async fn what_is_away_and_what_is_held_up_is_counted() {
    let stack = Stack::start();
    let worker = stack.worker(&[METRICS]);
    stack.ready(&worker).await;
    stack.database.sql("alter table forms rename to gone");
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    let until = async |sample: &str, value: fn(f64) -> bool| {
        wait::until(sample, async || {
            metrics(&worker).await.get(sample).copied().filter(|found| value(*found)).map(drop)
        })
        .await;
    };
    until("form_data_database_up", |up| up == 0.0).await;
    until(r#"form_data_messages_total{form_type="form",outcome="released"}"#, |released| {
        released >= 1.0
    })
    .await;
    stack.database.sql("alter table gone rename to forms");
    until("form_data_database_up", |up| up == 1.0).await;
    stack.drained().await;

    stack
        .sqs
        .fault(json!({ "action": "ReceiveMessage", "kind": "error", "status": 403, "code": "AccessDeniedException" }))
        .await;
    until(r#"form_data_queue_up{form_type="form"}"#, |up| up == 0.0).await;
    until(
        r#"form_data_sqs_call_seconds_count{operation="ReceiveMessage",outcome="denied"}"#,
        |calls| calls >= 1.0,
    )
    .await;
    stack.sqs.no_faults().await;

    // A delete that is not answered keeps its message in hand.
    let slow = stack.worker(&[METRICS]);
    stack.ready(&slow).await;
    drop(worker);
    stack.sqs.fault(json!({ "action": "DeleteMessageBatch", "kind": "hang" })).await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    wait::until("it grows old", async || {
        (metrics(&slow).await["form_data_oldest_in_hand_seconds"] > 1.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_never_there_counts_as_away_and_an_api_that_nobody_asks_knows_its_queue() {
    let stack = Stack::start();
    let url = "postgres://nobody@127.0.0.1:1/none";
    let (api, worker) = (stack.api(&[METRICS]), stack.worker(&[METRICS, ("DATABASE_URL", url)]));
    let (queue_up, database_up) =
        (r#"form_data_queue_up{form_type="form"}"#, "form_data_database_up");
    let counted = metrics(&worker).await;
    assert_eq!((counted[database_up], counted[queue_up]), (0.0, 0.0), "it waits for the database");
    wait::until("the queue is found", async || {
        (metrics(&api).await[queue_up] == 1.0).then_some(())
    })
    .await;

    let lonely = stack.api(&[METRICS, ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")]);
    assert_eq!(metrics(&lonely).await[queue_up], 0.0);
}

#[tokio::test]
async fn the_status_page_tells_what_runs_and_asks_nobody_when_it_is_told_so() {
    let stack = Stack::start();
    let (api, worker) = (stack.api(&[]), stack.worker(&[]));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    let page = async |url: String| {
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, told) = page(worker.url("/_status")).await;
    assert_eq!(
        (status, &told["status"], &told["db_version"]),
        (200, &json!("ok"), &json!("20261121000000"))
    );
    let (status, told) = page(api.url("/_status/")).await;
    assert_eq!(
        (status, &told["status"], &told["version"]),
        (200, &json!("ok"), &json!(env!("CARGO_PKG_VERSION")))
    );
    assert!(
        told["git_commit"].is_string()
            && told["build_time"].is_string()
            && told.get("db_version").is_none()
    );

    stack.kill_queue_server().await;
    for service in [&api, &worker] {
        wait::until("it is not ready", async || {
            (page(service.url("/_status")).await.0 == 503).then_some(())
        })
        .await;
        let (status, told) = page(service.url("/_status?simple=1")).await;
        assert_eq!((status, &told["status"]), (200, &json!("ok")));
        assert_eq!(told.get("db_version"), None);
    }
}

#[tokio::test]
async fn logs_as_json_have_fields() {
    let stack = Stack::start();
    let worker = stack.worker(&[("LOG_FORMAT", "json")]);
    let lines: Vec<Value> =
        worker.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listening =
        lines.iter().find(|line| line["message"] == "Listening for the health page.").unwrap();
    assert_eq!((&listening["level"], &listening["address"]), (&json!("INFO"), &json!("127.0.0.1")));
    assert_eq!(listening["port"], worker.port().to_string());
}
