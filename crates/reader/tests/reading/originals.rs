//! Defects of the old data store that no other file shows.

use serde_json::json;

use crate::support::{DATASET, Reading};

/// The original served such tables: a page with more rows of one id than it holds named itself as
/// the next one forever (R4), and each page was a sort of the whole table (R13).
#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_key_is_not_unique_or_not_indexed_is_not_served() {
    let reading = Reading::start().await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE TABLE "org.ds"."L0" (id bigint NOT NULL);
           INSERT INTO "org.ds"."L0" SELECT 1 FROM generate_series(1, 3);
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table')"#,
    );
    let path = format!("{DATASET}?limit=2");
    reading.get(&path).await.expect_status(404);
    reading.reader.logged("no unique index on its key").await;
    reading.database.sql(r#"CREATE INDEX ON "org.ds"."L0" (id)"#);
    reading.get(&path).await.expect_status(404);
    reading.database.sql(
        r#"DELETE FROM "org.ds"."L0"; INSERT INTO "org.ds"."L0" VALUES (1); CREATE UNIQUE INDEX ON "org.ds"."L0" (id)"#,
    );
    reading.get(&path).await.expect_status(200);
}

/// The original lost one of two columns whose names are the same in camelCase (R15), and failed for
/// a table with the id alone, or with a quotation mark in a name (R16).
#[tokio::test(flavor = "multi_thread")]
async fn names_are_as_in_the_table_and_the_id_may_be_alone() {
    let reading = Reading::start().await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE TABLE "org.ds"."L0" (id bigint PRIMARY KEY);
           INSERT INTO "org.ds"."L0" VALUES (1);
           CREATE TABLE "org.ds"."L1" (id bigint PRIMARY KEY, a_b text, "aB" text, "say ""hi""" text, "limit" text);
           INSERT INTO "org.ds"."L1" VALUES (1, 'one', 'two', 'three', 'four');
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table'), ('org.ds', 'L1', 'id', 'a table')"#,
    );
    let alone = reading.get(DATASET).await.expect_status(200).json();
    assert_eq!((&alone["headers"], &alone["values"]), (&json!(["id"]), &json!([[1]])));
    let path = "/api/v1/table-data/org.ds/L1?orientation=records";
    let row = json!({"id": 1, "a_b": "one", "aB": "two", "say \"hi\"": "three", "limit": "four"});
    assert_eq!(reading.get(path).await.expect_status(200).json()["results"], json!([row]));
    for filter in
        ["say%20%22hi%22=eq.three", "column.limit=eq.four", "columns=%22say%20%22%22hi%22%22%22"]
    {
        let page = reading.get(&format!("{path}&{filter}")).await.expect_status(200).json();
        assert_eq!(page["results"].as_array().unwrap().len(), 1, "{filter}");
    }
}
