//! Whole relations as CSV, JSON Lines, Parquet and XLSX.

use std::{
    io::Read as _,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use test_kit::{Signal, wait::until_true};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{DATASET, Reading};

/// A whole answer as bytes.
struct Download {
    status: u16,
    headers: reqwest::header::HeaderMap,
    /// `None` if it broke off.
    body: Option<Vec<u8>>,
}

impl Download {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn bytes(&self) -> &[u8] {
        self.body.as_deref().expect("a complete body")
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap()
    }
}

async fn download(reading: &Reading, path: &str, headers: &[(&str, &str)]) -> Download {
    let mut request = reqwest::Client::new().get(reading.url(path)).bearer_auth(&reading.key);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.ok().map(|bytes| bytes.to_vec());
    Download { status, headers, body }
}

async fn proof(reading: &Reading, id: &str) -> Value {
    reading.get(&format!("/api/v1/exports/{id}")).await.expect_status(200).json()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rows of about 1 KiB, so many that no buffer between us holds them.
fn large(reading: &Reading) {
    reading.dataset(0);
    reading.database.sql(
        r#"INSERT INTO "org.ds"."L0" SELECT n, repeat('x', 1000), n FROM generate_series(1, 60000) n"#,
    );
}

/// A client that takes the head of the answer, and then no more.
async fn lazy_client(reading: &Reading, key: &str, path: &str) -> (TcpStream, String) {
    let mut client = TcpStream::connect(reading.reader.address()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    (client, String::from_utf8(head).unwrap().to_lowercase())
}

fn export_id(head: &str) -> String {
    let (_, rest) = head.split_once("export-id: ").expect("an Export-Id");
    rest.lines().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_all_rows_and_a_proof() {
    let reading = Reading::with_dataset(2500).await;
    reading.database.sql(r#"UPDATE "org.ds"."L0" SET name = '=1+1' WHERE id = 7"#);
    let path = format!("{DATASET}?format=csv&after=3&columns=name,id&big=lt.4000&name=neq.canary");
    let csv = download(&reading, &path, &[]).await;
    let rows: Vec<&str> = csv.text().lines().collect();
    assert_eq!((rows[0], rows[1], rows[4]), ("name,id", "row 4,4", "'=1+1,7"));
    assert_eq!((rows.len(), *rows.last().unwrap()), (1997, "row 1999,1999"));
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(csv.header("formula-guard"), "on");
    let disposition = csv.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"org.ds-20"), "{disposition}");
    assert!(disposition.ends_with("Z.csv\""), "{disposition}");
    let id = csv.header("export-id");
    let mut proof = proof(&reading, id).await;
    assert!(proof["started_at"].is_string() && proof["ended_at"].is_string());
    let members = proof.as_object_mut().unwrap();
    members.retain(|name, _| !name.ends_with("_at"));
    let filter = |column: &str, operator: &str| json!({"column": column, "operator": operator});
    let column = |name: &str, kind: &str, description: Option<&str>| json!({"name": name, "type": kind, "description": description, "zone": null});
    assert_eq!(
        proof,
        json!({
            "id": id, "relation": "org.ds/L0", "format": "csv", "state": "complete", "rows": 1996,
            "bytes": csv.bytes().len(), "sha256": sha256(csv.bytes()), "first_id": 4, "last_id": 1999,
            "bound": 2500, "filters": [filter("big", "lt"), filter("name", "neq")], "guarded_cells": 1,
            "columns": [column("name", "text", Some("What it is called")), column("id", "bigint", None)],
        })
    );
    let raw = download(&reading, &format!("{path}&formulas=raw&bom=on&delimiter=tab"), &[]).await;
    assert!(raw.text().starts_with("\u{feff}name\tid\r\n") && raw.text().contains("\n=1+1\t7\r"));
    assert_eq!(raw.header("formula-guard"), "");
    let lines =
        download(&reading, &format!("{DATASET}?limit=2"), &[("Accept", "application/x-ndjson")])
            .await;
    assert_eq!(
        lines.text(),
        "{\"id\":1,\"name\":\"row 1\",\"big\":2}\n{\"id\":2,\"name\":\"row 2\",\"big\":4}\n"
    );
    let audited = "SELECT export_id, filter_columns FROM read_audit WHERE kind = 'export' ORDER BY at LIMIT 1";
    let expected = format!("{id}|{{big,name}}");
    until_true("it is noted", async || reading.database.sql(audited) == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_client_that_has_asked_sees_the_proof() {
    let reading = Reading::with_dataset(1).await;
    let other = reading.known_client("other", "*/*", None).await;
    let csv = download(&reading, &format!("{DATASET}?format=csv"), &[]).await;
    let path = format!("/api/v1/exports/{}", csv.header("export-id"));
    reading.get(&path).await.expect_status(200);
    reading.get_as(&other, &path).await.expect_status(404);
    for id in ["x", "00000000-0000-0000-0000-000000000000"] {
        reading.get(&format!("/api/v1/exports/{id}")).await.expect_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_compressed_for_those_who_ask_and_the_proof_is_of_the_text() {
    let reading = Reading::with_dataset(5000).await;
    for format in ["csv", "jsonl"] {
        let path = format!("{DATASET}?format={format}");
        let plain = download(&reading, &path, &[]).await;
        assert_eq!(plain.header("content-encoding"), "");
        let packed = download(&reading, &path, &[("Accept-Encoding", "gzip, deflate")]).await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        let mut text = Vec::new();
        GzDecoder::new(packed.bytes()).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.bytes());
        assert_eq!(proof(&reading, packed.header("export-id")).await["sha256"], sha256(&text));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_and_xlsx_are_whole_files() {
    let reading = Reading::with_dataset(3).await;
    let parquet =
        download(&reading, DATASET, &[("Accept", "application/vnd.apache.parquet")]).await;
    assert!(parquet.bytes().starts_with(b"PAR1") && parquet.bytes().ends_with(b"PAR1"));
    let xlsx = download(&reading, &format!("{DATASET}?format=xlsx"), &[]).await;
    assert!(xlsx.bytes().starts_with(b"PK"));
    assert_eq!(xlsx.header("content-length"), xlsx.bytes().len().to_string());
    for file in [parquet, xlsx] {
        let proof = proof(&reading, file.header("export-id")).await;
        assert_eq!((&proof["state"], &proof["rows"]), (&json!("complete"), &json!(3)));
        assert_eq!(proof["sha256"], sha256(file.bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_a_file_is_refused_before_its_first_byte() {
    let reading = Reading::start_with(&[("READER_TEMP_BYTES", "1048576")]).await;
    reading.dataset(3);
    let path = format!("{DATASET}?format=xlsx");
    reading.database.sql(r#"UPDATE "org.ds"."L0" SET name = repeat('canary', 9999) WHERE id = 2"#);
    let long = reading.get(&path).await.expect_status(422).json();
    let error = long["error"].as_str().unwrap();
    assert!(error.starts_with("row 2, column 2 (\"name\"): the cell has over 32,767"), "{error}");
    reading.database.sql(
        r#"INSERT INTO "org.ds"."L0" SELECT n, gen_random_uuid()::text || gen_random_uuid(), n FROM generate_series(4, 60000) n;
           DELETE FROM "org.ds"."L0" WHERE id = 2"#,
    );
    let large = reading.get(&path).await.expect_status(422).json();
    assert_eq!(large["error"], "The file would have more than 1048576 bytes.");
    let ended = "SELECT count(*) FROM exports WHERE state = 'broken'";
    until_true("both are noted", async || reading.database.sql(ended) == "2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_in_the_wrong_place_are_refused() {
    let reading = Reading::with_dataset(1).await;
    for (query, expected) in [
        ("format=csv&orientation=records", "orientation: it is for pages of JSON"),
        ("format=csv&wait=1", "wait: it is for pages of JSON"),
        ("format=csv&next-id=1", "next-id: it is for pages of JSON"),
        ("format=csv&numbers=text", "numbers: it is for JSON and Parquet"),
        ("format=xlsx&numbers=double", "numbers: it is for JSON and Parquet"),
        ("format=jsonl&numbers=double", "numbers: it must be text"),
        ("format=parquet&numbers=text", "numbers: it must be double"),
        ("format=parquet&bom=on", "bom: it is for CSV"),
        ("format=csv&bom=yes", "bom: it must be on or off"),
        ("format=csv&formulas=", "formulas: it must be guarded or raw"),
        ("format=csv&delimiter=;", "delimiter: it must be comma or semicolon or tab or pipe"),
        ("format=csv&limit=0", "limit: it must be a whole number from 1 to"),
        ("format=csv&format=csv", "format: it is there twice"),
        ("format=csv&colour=red", "colour: it is unknown; the parameters are after, limit"),
        ("format=csv&big=eq.canary", "big: the value is no bigint"),
        ("format=csv&tz=Europe/Canary", "tz: it must be the name"),
    ] {
        let error = reading.mistake(&format!("{DATASET}?{query}")).await;
        assert!(error.starts_with(expected), "{query}: {error}");
    }
    assert_eq!(reading.database.sql("SELECT count(*) FROM exports"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_starts_no_export_and_old_http_gets_none() {
    let reading = Reading::with_dataset(1).await;
    let path = format!("{DATASET}?format=csv");
    let head = reading.request("HEAD", &path).authorization(&reading.bearer()).send().await;
    let head = head.expect_status(200);
    assert_eq!(head.header("Content-Type"), Some("text/csv; charset=utf-8; header=present"));
    assert!(head.header("Export-Id").is_none() && head.header("Content-Disposition").is_some());
    let old = format!("GET {path} HTTP/1.0\r\nAuthorization: {}\r\n\r\n", reading.bearer());
    let old = reading.reader.exchange(old.as_bytes(), Duration::from_secs(10)).await;
    assert_eq!(old.status, 505, "{old:?}");
    assert_eq!(reading.database.sql("SELECT count(*) FROM exports"), "0");
}

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
async fn the_query_of_a_client_that_has_gone_ends() {
    let reading = Reading::start_with(&[("READER_STATEMENT_SECONDS", "60")]).await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE VIEW "org.ds"."L0" AS SELECT n AS id, pg_sleep(20)::text AS slow FROM generate_series(1::bigint, 9) n;
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a view')"#,
    );
    let running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND wait_event = 'PgSleep'";
    for query in ["orientation=records", "format=csv", "format=xlsx"] {
        let mut client = TcpStream::connect(reading.reader.address()).await.unwrap();
        let request = format!(
            "GET {DATASET}?{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
            reading.bearer()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        until_true("it runs", async || reading.database.sql(running) == "1").await;
        drop(client);
        let gone = Instant::now();
        until_true("it has ended", async || reading.database.sql(running) == "0").await;
        assert!(gone.elapsed() < Duration::from_millis(1500), "{query}: {:?}", gone.elapsed());
    }
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
