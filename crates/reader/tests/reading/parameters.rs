//! A client's mistakes get 400 with the reason, and never its values.

use test_kit::http::Answer;

use crate::support::{DATASET, Reading};

/// The original answered 500 to a wrong orientation and to an empty next-id (R3), and ignored what
/// it did not know.
#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_parameter_is_named() {
    let reading = Reading::with_dataset(1).await;
    for (query, expected) in [
        ("orientation=canary", "orientation: it must be tabular or records"),
        ("orientation=", "orientation: it must be tabular or records"),
        (
            "next-id=",
            "next-id: it must be a whole number from -9223372036854775808 to 9223372036854775807",
        ),
        (
            "next-id=canary",
            "next-id: it must be a whole number from -9223372036854775808 to 9223372036854775807",
        ),
        ("next-id=9223372036854775808", "next-id: it must be a whole number"),
        ("after=0x1", "after: it must be a whole number"),
        ("after=1.0", "after: it must be a whole number"),
        ("after=1&next-id=1", "after: it cannot be used together with next-id"),
        ("limit=0", "limit: it must be a whole number from 1 to 10000"),
        ("limit=10001", "limit: it must be a whole number from 1 to 10000"),
        ("limit=5&limit=5", "limit: it is there twice"),
        ("columns=", "columns: name 1 is no column of this relation"),
        ("columns=id,canary", "columns: name 2 is no column of this relation"),
        ("columns=id,id", "columns: name 2 is there twice"),
        ("columns=\"id", "columns: a quote is not closed"),
        ("numbers=canary", "numbers: it must be text"),
        ("wait=1", "wait: a dataset gets no new rows"),
        ("tz=Europe/Canary", "tz: it must be the name of a time zone"),
        ("tz=XXX5", "tz: it must be the name of a time zone"),
        ("format=canary", "format: it must be json"),
        ("bom=on", "bom: it is for CSV"),
        ("colour=canary", "colour: it is unknown; the parameters are orientation, next-id, after"),
        ("Limit=5", "Limit: it is unknown"),
        ("column.canary=eq.1", "column.canary: this relation has no such column"),
        ("name=canary", "name: must be an operator, a point and a value"),
        ("big=eq.canary", "big: the value is no bigint"),
        ("big=in.(1,canary)", "big: the value is no bigint"),
        ("column.limit=eq.1", "column.limit: this relation has no such column"),
        ("big=eq.%FF", "the parameters: they are not UTF-8"),
        ("name=eq.%00", "name: PostgreSQL's text has no NUL"),
        ("id=eq.1);DROP TABLE forms;--", "id: the value is no bigint"),
    ] {
        let error = reading.mistake(&format!("{DATASET}?{query}")).await;
        assert!(error.starts_with(expected), "{query}: {error}");
        let value = error.replace("column.canary", "");
        assert!(!value.to_lowercase().contains("canary"), "{query}: {error}");
    }
    let error = reading.mistake(&format!("{DATASET}?{}=1", "x".repeat(5000))).await;
    assert!(error.len() < 500, "{error}");
    let filters = "big=gt.0&".repeat(101);
    assert!(reading.mistake(&format!("{DATASET}?{filters}")).await.contains("at most 100 filters"));
    let structure = "/api/v1/table-structure/org.ds/L0?limit=1";
    assert!(reading.mistake(structure).await.contains("there are no parameters here"));
    reading.get(&format!("{DATASET}?tz=Europe/London")).await.expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_filters_on_a_column_must_all_hold() {
    let reading = Reading::with_dataset(9).await;
    let page = reading.get(&format!("{DATASET}?big=gte.6&column.big=lt.10&columns=big")).await;
    assert_eq!(page.json()["values"], serde_json::json!([[6], [8]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_used_is_refused() {
    let reading = Reading::with_dataset(1).await;
    let send = async |method: &str, content_type: &str, body: Vec<u8>| -> Answer {
        let request = reading.request(method, DATASET).content_type(content_type).body(body);
        request.authorization(&reading.bearer()).send().await
    };
    let form = "application/x-www-form-urlencoded";
    let refused = send("GET", form, b"limit=1".to_vec()).await.expect_status(400);
    assert!(refused.json()["error"].as_str().unwrap().starts_with("A GET has no body"));
    send("POST", "application/json", b"{}".to_vec()).await.expect_status(400);
    send("POST", form, b"a=\xff".to_vec()).await.expect_status(400);
    send("POST", form, vec![b'x'; (256 << 10) + 1]).await.expect_status(400);
    send("POST", form, b"limit=1".to_vec()).await.expect_status(200);
}
