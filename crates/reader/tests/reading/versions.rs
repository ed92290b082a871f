//! Datasets with versions.

use serde_json::json;

use crate::support::{DATASET, Reading};

/// Version `n` has rows whose text names it.
fn load(reading: &Reading, version: i32) {
    reading.database.sql(&format!(
        r#"CREATE SCHEMA IF NOT EXISTS "org.ds";
           CREATE TABLE "org.ds"."v{version}" (id bigint PRIMARY KEY, name text);
           INSERT INTO "org.ds"."v{version}" SELECT n, 'version {version}' FROM generate_series(1, 5) n;
           CREATE OR REPLACE VIEW "org.ds"."L0" AS SELECT * FROM "org.ds"."v{version}";
           UPDATE dataset_versions SET is_current = false;
           INSERT INTO dataset_versions VALUES ('org.ds', {version}, 'v{version}', true);
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a dataset') ON CONFLICT DO NOTHING"#
    ));
}

/// The original mixed pages of two versions, or had none for a while (R5).
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pages_stays_in_the_version_in_which_it_began() {
    let reading = Reading::start().await;
    load(&reading, 1);
    let first = reading.get(&format!("{DATASET}?limit=2")).await.expect_status(200).json();
    load(&reading, 2);
    let mut rows = first["values"].as_array().unwrap().clone();
    let mut next = first["next"].as_str().map(str::to_owned);
    while let Some(url) = next {
        let page = reading.get(url.strip_prefix(&reading.url("")).unwrap()).await;
        let page = page.expect_status(200).json();
        rows.extend(page["values"].as_array().unwrap().clone());
        next = page["next"].as_str().map(str::to_owned);
    }
    let expected: Vec<_> = (1..=5).map(|n| json!([n, "version 1"])).collect();
    assert_eq!(rows, expected);
    let now = reading.get(&format!("{DATASET}?limit=1")).await.json();
    assert_eq!(now["values"], json!([[1, "version 2"]]));
    let csv = reading.get(&format!("{DATASET}?format=csv&version=1&limit=1")).await;
    assert_eq!(csv.expect_status(200).body, "id,name\r\n1,version 1\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_gone_is_said_to_be_gone() {
    let reading = Reading::start().await;
    load(&reading, 1);
    load(&reading, 2);
    let path = format!("{DATASET}?version=1");
    reading.get(&path).await.expect_status(200);
    reading
        .database
        .sql(r#"DROP TABLE "org.ds"."v1"; DELETE FROM dataset_versions WHERE version = 1"#);
    for path in [path, format!("{DATASET}?version=7"), format!("{DATASET}?version=7&format=csv")] {
        let gone = reading.get(&path).await.expect_status(410).json();
        assert_eq!(gone["type"], "/docs/errors/version-gone");
    }
    let limited = reading.known_client("limited", "org.other/L0", None).await;
    reading.get_as(&limited, &format!("{DATASET}?version=7")).await.expect_status(403);
    for (query, expected) in [
        ("version=0", "version: it must be a whole number from 1 to 2147483647"),
        ("version=x", "version: it must be a whole number"),
        ("version=1&version=1", "version: it is there twice"),
    ] {
        let error = reading.mistake(&format!("{DATASET}?{query}")).await;
        assert!(error.starts_with(expected), "{error}");
    }
    reading.publish_registration();
    let error = reading.mistake("/api/v1/table-data/submissions/registration?version=1").await;
    assert_eq!(error, "version: only datasets have versions");
}
