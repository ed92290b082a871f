//! Whole relations as CSV, JSON Lines, Parquet and XLSX.

use std::{io::Read as _, time::Duration};

use flate2::read::GzDecoder;
use serde_json::json;
use test_kit::wait::until_true;

use crate::{
    downloads::{download, proof, sha256},
    support::{DATASET, Reading},
};

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
