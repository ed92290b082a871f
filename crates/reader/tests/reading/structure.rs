//! The columns of a relation, and the list of relations.

use serde_json::json;

use crate::support::Reading;

const STRUCTURE: &str = "/api/v1/table-structure/org.ds/L0";

#[tokio::test(flavor = "multi_thread")]
async fn the_structure_has_the_types_that_the_old_consumer_knows() {
    let reading = Reading::start().await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE TABLE "org.ds"."L0" (id bigint PRIMARY KEY, small smallint NOT NULL, price numeric(10, 2), at timestamptz,
               list text[], json jsonb, data_hash text, datafile_created date, "say ""hi""" text);
           COMMENT ON COLUMN "org.ds"."L0".price IS 'In pounds';
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table')"#,
    );
    let column = |name: &str,
                  kind: &str,
                  pg_type: &str,
                  nullable: bool,
                  description: Option<&str>| json!({"name": name, "type": kind, "pg_type": pg_type, "nullable": nullable, "description": description});
    let expected = json!({"columns": [
        column("id", "BIGINT", "bigint", false, None),
        column("small", "INTEGER", "smallint", false, None),
        column("price", "NUMERIC", "numeric(10,2)", true, Some("In pounds")),
        column("at", "TIMESTAMP WITHOUT TIME ZONE", "timestamp with time zone", true, None),
        column("list", "TEXT[]", "text[]", true, None),
        column("json", "TEXT", "jsonb", true, None),
        column("data_hash", "TEXT", "text", true, None),
        column("datafile_created", "DATE", "date", true, None),
        column("say \"hi\"", "TEXT", "text", true, None),
    ]});
    assert_eq!(reading.get(STRUCTURE).await.expect_status(200).json(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relation_that_is_not_published_is_not_there() {
    let reading = Reading::with_dataset(1).await;
    reading.database.sql(r#"CREATE TABLE "org.ds"."L1" (id bigint PRIMARY KEY)"#);
    for path in [
        "/api/v1/table-structure/org.ds/L1",
        "/api/v1/table-structure/public/forms",
        "/api/v1/table-structure/pg_catalog/pg_class",
        "/api/v1/table-structure/org.ds/L%00",
        "/api/v1/table-structure/org.ds/L%FF",
        "/api/v1/table-structure/org.ds/%22L0%22",
        "/api/v1/table-structure/org.ds/L0/",
        "/api/v1/table-structure/org.ds",
        "/api/v1/table-structure/org%2Fds/L0",
        &format!("/api/v1/table-structure/org.ds/{}", "x".repeat(10_000)),
        "/api/v1/table-data/org.ds/L1",
        "/api/v1/nothing",
    ] {
        let answer = reading.get(path).await.expect_status(404);
        assert_eq!(answer.json()["type"], "/docs/errors/not-found", "{path}");
    }
    for path in ["/api/v1/table-structure/%6Frg.ds/L%30", "/api/v1/table-structure/org%2Eds/L0"] {
        reading.get(path).await.expect_status(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_type_can_be_read_under_a_second_name_with_its_json_as_text() {
    let reading = Reading::start().await;
    reading.publish_registration();
    reading.submit(r#"{"a": "x", "o": {"b": 1}}"#);
    reading.show_rows();
    let value = async |path: &str| {
        let path = format!("/api/v1/table-data/{path}?columns=o&orientation=records");
        reading.get(&path).await.expect_status(200).json()["results"][0]["o"].clone()
    };
    assert_eq!(value("submissions/registration").await, json!({"b": 1}));
    assert_eq!(value("submissions.registration/L0").await, json!("{\"b\": 1}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sees_what_its_scopes_cover_and_nothing_else() {
    let reading = Reading::with_dataset(1).await;
    reading.publish_registration();
    let dataset_key = reading.known_client("dataset", "org.ds/L0", None).await;
    let columns_key = reading.known_client("columns", "org.ds/L0", Some(&["id", "name"])).await;
    let list = async |key: &str| {
        let listed = reading.get_as(key, "/api/v1/relations").await.expect_status(200).json();
        let relations = listed["relations"].as_array().unwrap().clone();
        relations
            .iter()
            .map(|relation| relation["schema"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(&reading.key).await, ["org.ds", "submissions", "submissions"]);
    assert_eq!(list(&dataset_key).await, ["org.ds"]);
    // A scope for one table is no scope for another one, whether that exists or not.
    for path in ["submissions/registration", "submissions.registration/L0", "org.ds/L1", "no/such"]
    {
        for route in ["table-structure", "table-data"] {
            let path = format!("/api/v1/{route}/{path}");
            let refused = reading.get_as(&dataset_key, &path).await.expect_status(403);
            assert_eq!(refused.json()["error"], "This client may not read this.");
        }
    }
    let some = reading.get_as(&columns_key, STRUCTURE).await.expect_status(200).json();
    let names: Vec<_> =
        some["columns"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert_eq!(names, ["id", "name"]);
    let hidden = "/api/v1/table-data/org.ds/L0?big=eq.2";
    reading.get_as(&columns_key, hidden).await.expect_status(400);
    reading.get(hidden).await.expect_status(200);
}
