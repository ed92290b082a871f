//! The defects of the old data store, and the tests of those that no other file shows.

use std::fs;

use serde_json::json;

use crate::{
    downloads::download,
    support::{DATASET, Reading},
};

/// What the old data store did, and the test that fails if the reader does it, too.
const DEFECTS: [(&str, &str, &str); 17] = [
    (
        "R1",
        "made floats of numbers beside a null",
        "values_keep_their_digits_beside_nulls_and_are_always_json",
    ),
    (
        "R2",
        "wrote Infinity, and the address of bytes",
        "values_keep_their_digits_beside_nulls_and_are_always_json",
    ),
    ("R3", "answered 500 to a client's mistake", "every_wrong_parameter_is_named"),
    (
        "R4",
        "named a page as its own next page",
        "a_view_whose_key_is_not_unique_is_no_endless_list",
    ),
    (
        "R5",
        "mixed the pages of two versions",
        "a_client_that_pages_stays_in_the_version_in_which_it_began",
    ),
    ("R6", "made next from any Host", "next_begins_with_one_of_our_own_addresses"),
    (
        "R7",
        "decoded the URL before it checked the MAC",
        "the_url_is_signed_as_it_was_sent_and_every_answer_is_signed",
    ),
    (
        "R8",
        "gave every table to everybody who may read one",
        "a_client_sees_what_its_scopes_cover_and_nothing_else",
    ),
    (
        "R9",
        "had an empty 401 for everything",
        "every_cause_gets_the_same_401_with_a_challenge_for_each_scheme",
    ),
    ("R10", "let two copies of a request pass", "of_many_copies_of_a_request_at_once_one_passes"),
    (
        "R11",
        "served every schema that was not on a list",
        "what_is_not_published_is_answered_like_what_does_not_exist",
    ),
    (
        "R12",
        "hid columns by their names",
        "the_structure_has_the_types_that_the_old_consumer_knows",
    ),
    (
        "R13",
        "sorted the whole table for each page",
        "a_table_whose_key_is_not_unique_or_not_indexed_is_not_served",
    ),
    (
        "R14",
        "changed the names of types",
        "the_structure_has_the_types_that_the_old_consumer_knows",
    ),
    ("R15", "lost a column in camelCase", "names_are_as_in_the_table_and_the_id_may_be_alone"),
    (
        "R16",
        "failed for an id alone, and for a quotation mark",
        "names_are_as_in_the_table_and_the_id_may_be_alone",
    ),
    (
        "R17",
        "checked the scheme and port of the proxy",
        "behind_a_proxy_the_public_address_is_signed",
    ),
];

#[test]
fn every_defect_of_the_old_data_store_has_a_test() {
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reading")).unwrap();
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let tests: String = paths.map(|path| fs::read_to_string(path).unwrap()).collect();
    for (number, (name, _, test)) in DEFECTS.iter().enumerate() {
        assert_eq!(*name, format!("R{}", number + 1));
        assert!(tests.contains(&format!("fn {test}()")), "{name}: {test}");
    }
}

/// Of a view nobody knows whether its key is unique, so each page looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_whose_key_is_not_unique_is_no_endless_list() {
    let reading = Reading::start().await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE VIEW "org.ds"."L0" AS SELECT least(n, 3) AS id FROM generate_series(1::bigint, 5) n;
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a view')"#,
    );
    let page = reading.get(&format!("{DATASET}?limit=2")).await.expect_status(200).json();
    assert_eq!(page["values"], json!([[1], [2]]));
    for query in ["limit=3", "limit=4", "next-id=3&limit=2", "format=xlsx"] {
        reading.get(&format!("{DATASET}?{query}")).await.expect_status(503);
    }
    assert!(download(&reading, &format!("{DATASET}?format=csv"), &[]).await.body.is_none());
    reading.reader.logged("key is not unique").await;
}

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
