//! The metrics, the status page and the JSON logs of the services.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_kit::{
    Fault, Service, Stack,
    forms::registration,
    http::Http,
    postgres::{Cluster, ClusterOptions, Shutdown},
    stack::{INVALID, QUEUE},
    wait,
};

pub const METRICS: (&str, &str) = ("METRICS_ADDRESS", "127.0.0.1:0");

/// Every sample, by name with labels.
pub async fn metrics(service: &Service) -> BTreeMap<String, f64> {
    let log = service.log();
    let address = log.split("metrics_address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let text = Http::at(format!("http://{address}")).get("/metrics").await.body;
    let samples =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn both_services_count_every_outcome() {
    let stack = Stack::start();
    let (api, worker) = (stack.ready_api(&[METRICS]).await, stack.ready_worker(&[METRICS]).await);
    // The counters are there before anything has happened, so that the first event is an increase.
    assert_eq!(metrics(&api).await[r#"form_data_refusals_total{reason="stale_timestamp"}"#], 0.0);
    assert_eq!(
        metrics(&worker).await[r#"form_data_messages_total{form_type="form",outcome="set_aside"}"#],
        0.0
    );
    for number in 0..3 {
        api.post_form(registration(number)).await.expect_status(202);
    }
    api.post_form("{}").await.expect_status(400);
    api.request("POST", "/form/").send().await.expect_status(400);
    stack.sqs.send(QUEUE, "garbage", &[]).await;
    stack.expect_messages_left(INVALID, 1);
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
async fn unavailable_dependencies_and_delayed_messages_show_in_the_metrics() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[METRICS]).await;
    stack.database.sql("alter table forms rename to gone");
    stack.queue_forms([1]).await;
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

    stack.sqs.fault(Fault::on("ReceiveMessage").access_denied()).await;
    until(r#"form_data_queue_up{form_type="form"}"#, |up| up == 0.0).await;
    until(
        r#"form_data_sqs_call_seconds_count{operation="ReceiveMessage",outcome="denied"}"#,
        |calls| calls >= 1.0,
    )
    .await;
    stack.sqs.no_faults().await;

    // A message stays in flight while SQS does not answer its delete.
    let slow = stack.ready_worker(&[METRICS]).await;
    drop(worker);
    stack.sqs.fault(Fault::on("DeleteMessageBatch").hang()).await;
    stack.expect_messages_left(QUEUE, 1);
    stack.queue_forms([1]).await;
    wait::until_true("the message in flight grows old", async || {
        metrics(&slow).await["form_data_oldest_in_hand_seconds"] > 1.0
    })
    .await;
}

#[tokio::test]
async fn dependencies_count_as_down_until_they_answer() {
    let stack = Stack::start();
    let url = "postgres://nobody@127.0.0.1:1/none";
    let (api, worker) = (stack.api(&[METRICS]), stack.worker(&[METRICS, ("DATABASE_URL", url)]));
    let (queue_up, database_up) =
        (r#"form_data_queue_up{form_type="form"}"#, "form_data_database_up");
    let counted = metrics(&worker).await;
    assert_eq!((counted[database_up], counted[queue_up]), (0.0, 0.0), "it waits for the database");
    wait::until_true("the queue is found", async || metrics(&api).await[queue_up] == 1.0).await;

    let lonely = stack.api(&[METRICS, ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")]);
    assert_eq!(metrics(&lonely).await[queue_up], 0.0);
}

#[tokio::test]
async fn the_status_page_shows_the_build_and_can_skip_its_checks() {
    let stack = Stack::start();
    let (api, worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);
    let status = worker.get("/_status").await.expect_status(200).json();
    let last = stack.database.sql("select max(version) from __diesel_schema_migrations");
    assert_eq!((&status["status"], &status["db_version"]), (&json!("ok"), &json!(last)));
    let status = api.get("/_status/").await.expect_status(200).json();
    assert_eq!(
        (&status["status"], &status["version"]),
        (&json!("ok"), &json!(env!("CARGO_PKG_VERSION")))
    );
    assert!(
        status["git_commit"].is_string()
            && status["build_time"].is_string()
            && status.get("db_version").is_none()
    );

    stack.kill_queue_server().await;
    for service in [&api, &worker] {
        wait::until_true("the service is not ready", async || {
            service.get("/_status").await.status == 503
        })
        .await;
        let status = service.get("/_status?simple=1").await.expect_status(200).json();
        assert_eq!((&status["status"], status.get("db_version")), (&json!("ok"), None));
    }
}

#[tokio::test]
async fn json_logs_have_fields() {
    let stack = Stack::start();
    let worker = stack.worker(&[("LOG_FORMAT", "json")]);
    let lines: Vec<Value> =
        worker.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listening =
        lines.iter().find(|line| line["message"] == "Listening for the health page.").unwrap();
    assert_eq!((&listening["level"], &listening["address"]), (&json!("INFO"), &json!("127.0.0.1")));
    assert_eq!(listening["port"], worker.port().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_up_recovers_although_nobody_asks_the_health_page_again() {
    let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
    let stack = Stack::start();
    let worker = stack.ready_worker(&[METRICS, ("DATABASE_URL", &cluster.url("postgres"))]).await;
    let database_up = async || metrics(&worker).await["form_data_database_up"];
    tokio::task::block_in_place(|| cluster.stop(Shutdown::Fast));
    // The page repeats an answer for a moment.
    wait::until_true("readiness is red", async || {
        worker.get("/healthcheck/ready/").await.status == 503
    })
    .await;
    wait::until_true("database_up is 0", async || database_up().await == 0.0).await;
    tokio::task::block_in_place(|| cluster.start()).unwrap();
    wait::until_true("database_up is 1", async || database_up().await == 1.0).await;
}

#[tokio::test]
async fn the_use_of_the_pool_shows_in_the_metrics() {
    const IN_USE: &str = "form_data_database_connections_in_use";
    let stack = Stack::start();
    let worker = stack.ready_worker(&[METRICS, ("WORKER_CONNECTIONS", "3")]).await;
    let counted = metrics(&worker).await;
    assert_eq!(counted["form_data_database_connections_limit"], 4.0);
    assert!(counted[IN_USE] <= 4.0, "{counted:#?}");
    let lock = stack.database.lock("forms");
    stack.queue_forms(0..3).await;
    wait::until_true("a connection is in use", async || metrics(&worker).await[IN_USE] > 0.0).await;
    drop(lock);
    stack.drained().await;
    wait::until_true("none is in use", async || metrics(&worker).await[IN_USE] == 0.0).await;
}
