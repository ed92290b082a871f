//! Streams that fail, that nobody takes, and that are stopped.

use std::time::Duration;

use serde_json::{Value, json};
use test_kit::{Signal, wait::until_true};

use crate::{
    downloads::{download, export_id, large, lazy_client, proof},
    support::{DATASET, Reading},
};

/// Parquet has no infinite date, which is noticed when the answer has long begun.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_is_visibly_broken() {
    let reading = Reading::start().await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE TABLE "org.ds"."L0" (id bigint PRIMARY KEY, day date);
           INSERT INTO "org.ds"."L0" SELECT n, CASE WHEN n = 30000 THEN 'infinity'::date ELSE '2026-01-01' END FROM generate_series(1, 30000) n;
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table')"#,
    );
    let broken = download(&reading, &format!("{DATASET}?format=parquet"), &[]).await;
    assert_eq!((broken.status, broken.body.is_none()), (200, true));
    let proof = proof(&reading, broken.header("export-id")).await;
    assert_eq!((&proof["state"], &proof["sha256"]), (&json!("broken"), &Value::Null));
    let whole = download(&reading, &format!("{DATASET}?format=csv"), &[]).await;
    assert!(whole.text().ends_with("30000,infinity\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_takes_two_streams_and_slow_ones_hold_nothing() {
    let reading = Reading::start_with(&[("READER_STREAMS", "3")]).await;
    large(&reading);
    let other = reading.known_client("other", "*/*", None).await;
    let path = format!("{DATASET}?format=csv");
    let first = lazy_client(&reading, &reading.key, &path).await;
    let second = lazy_client(&reading, &reading.key, &path).await;
    let third = reading.get(&path).await.expect_status(429);
    assert!(third.header("Retry-After").is_some());
    let other_first = lazy_client(&reading, &other, &path).await;
    assert!(other_first.1.starts_with("http/1.1 200"));
    reading.get_as(&other, &path).await.expect_status(503);
    // Neither a transaction nor a statement is left.
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                    AND query NOT LIKE '%advance_watermark%' AND (xact_start IS NOT NULL OR state <> 'idle')";
    until_true("nothing is held", async || reading.database.sql(busy) == "0").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    until_true("nothing is held", async || reading.database.sql(busy) == "0").await;
    let running = proof(&reading, &export_id(&first.1)).await;
    assert_eq!((&running["state"], &running["sha256"]), (&json!("running"), &Value::Null));
    drop(first.0);
    let id = export_id(&first.1);
    let is_broken = async || proof(&reading, &id).await["state"] == "broken";
    until_true("a client that has gone is noticed", is_broken).await;
    drop((second, other_first));
    let is_free = async || download(&reading, &path, &[]).await.status == 200;
    until_true("the places are free", is_free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_breaks_a_slow_stream_off_and_notes_it() {
    let reading = Reading::start_with(&[("SHUTDOWN_GRACE_SECONDS", "9")]).await;
    large(&reading);
    let (_client, head) =
        lazy_client(&reading, &reading.key, &format!("{DATASET}?format=csv")).await;
    let Reading { database, reader, .. } = reading;
    let (status, log) = reader.stop_while_others_run(Signal::Term).await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("Broke an export off because of the stop."), "{log}");
    let state = format!("SELECT state FROM exports WHERE id = '{}'", export_id(&head));
    assert_eq!(database.sql(&state), "broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_killed_leaves_an_export_that_reads_broken() {
    let reading = Reading::start().await;
    large(&reading);
    let answer = reqwest::Client::new()
        .get(reading.url(&format!("{DATASET}?format=csv")))
        .bearer_auth(&reading.key);
    let mut answer = answer.send().await.unwrap();
    let id = answer.headers()["export-id"].to_str().unwrap().to_owned();
    answer.chunk().await.unwrap();
    reading.reader.signal(Signal::Kill);
    let mut is_broken = false;
    while !is_broken {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it looks complete"),
            Err(_) => is_broken = true,
        }
    }
    reading
        .database
        .sql(&format!("UPDATE exports SET alive_at = now() - interval '16 s' WHERE id = '{id}'"));
    let state = format!("SELECT state FROM show_export('{id}', 'all')");
    assert_eq!(reading.database.sql(&state), "broken");
}
