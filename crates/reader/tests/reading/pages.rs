//! Pages of rows.

use serde_json::{Value, json};

use crate::support::{DATASET, Reading};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_the_shape_of_the_old_data_store() {
    let reading = Reading::with_dataset(2).await;
    let page = reading.get(DATASET).await.expect_status(200);
    assert_eq!(
        page.body,
        "{\"headers\":[\"id\",\"name\",\"big\"],\"last_id\":2,\"next\":null,\"values\":[[1,\"row 1\",2],[2,\"row 2\",4]]}\n"
    );
    assert_eq!(page.header("Content-Type"), Some("application/json"));
    assert_eq!(page.header("Cache-Control"), Some("private, no-cache"));
    assert_eq!(page.header("Vary"), Some("Accept, Accept-Encoding, Authorization"));
    assert_eq!(page.header("Link"), None);
    let records = reading.get(&format!("{DATASET}?orientation=records&columns=name,id")).await;
    assert_eq!(
        records.body,
        "{\"last_id\":2,\"next\":null,\"results\":[{\"name\":\"row 1\",\"id\":1},{\"name\":\"row 2\",\"id\":2}]}\n"
    );
    // A list of lists, also with one column.
    let one = reading.get(&format!("{DATASET}?columns=id")).await.json();
    assert_eq!(one["values"], json!([[1], [2]]));
    let end = reading.get(&format!("{DATASET}?after=2")).await.json();
    assert_eq!(
        end,
        json!({"headers": ["id", "name", "big"], "last_id": 2, "next": null, "values": []})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn following_next_gets_every_row_once() {
    let reading = Reading::with_dataset(25).await;
    for query in [
        "?limit=10",
        "?limit=1",
        "?limit=25",
        "?limit=4&orientation=records&big=gte.20&name=neq.row%2020",
    ] {
        let mut path = format!("{DATASET}{query}");
        let mut seen = Vec::new();
        loop {
            let answer = reading.get(&path).await.expect_status(200);
            let page = answer.json();
            let rows = page["values"].as_array().or(page["results"].as_array()).unwrap().clone();
            seen.extend(rows.iter().map(|row| row.get("id").unwrap_or(&row[0]).as_i64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            assert_eq!(answer.header("Link"), Some(format!("<{next}>; rel=\"next\"").as_str()));
            path = next.strip_prefix(&reading.url("")).unwrap().to_owned();
        }
        let with_filters = |id: &i64| !query.contains("big") || *id >= 10 && *id != 20;
        let expected: Vec<i64> = (1..=25).filter(with_filters).collect();
        assert_eq!(seen, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_has_its_parameters_in_the_body_and_is_posted_again() {
    let reading = Reading::with_dataset(5).await;
    let post = async |path: &str| {
        let request =
            reading.request("POST", path).content_type("application/x-www-form-urlencoded");
        let request = request.body("name=in.(%22row+1%22,\"row 3\",row 5)&columns=id&limit=2");
        request.authorization(&reading.bearer()).send().await.expect_status(200).json()
    };
    let first = post(DATASET).await;
    assert_eq!(first["values"], json!([[1], [3]]));
    let next = first["next"].as_str().unwrap();
    assert_eq!(next, reading.url(&format!("{DATASET}?next-id=5")));
    let second = post(&format!("{DATASET}?next-id=5")).await;
    assert_eq!((&second["values"], &second["next"]), (&json!([[5]]), &Value::Null));
}

/// The original made a float of a column with a null (R1), and no JSON of infinity (R2).
#[tokio::test(flavor = "multi_thread")]
async fn values_keep_their_digits_beside_nulls_and_are_always_json() {
    let reading = Reading::start().await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE TABLE "org.ds"."L0" (id bigint PRIMARY KEY, big bigint, n numeric, d float8, bytes bytea, at timestamptz, data_hash text);
           INSERT INTO "org.ds"."L0" VALUES
               (1, 9007199254740993, 123456789012345678901.50, 'Infinity', '\x00ff', '2020-02-29 10:00+01', 'h'),
               (2, null, 'NaN', null, null, null, null);
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table')"#,
    );
    let page = reading.get(&format!("{DATASET}?orientation=records")).await.expect_status(200);
    let row = r#"{"id":1,"big":9007199254740993,"n":123456789012345678901.50,"d":null,"bytes":"AP8=","at":"2020-02-29T09:00:00+00:00","data_hash":"h"}"#;
    assert!(page.body.contains(row), "{}", page.body);
    assert!(page.json()["results"][1]["n"].is_null());
    let text = reading.get(&format!("{DATASET}?numbers=text&columns=big,n&limit=1")).await;
    assert_eq!(text.json()["values"], json!([["9007199254740993", "123456789012345678901.50"]]));
    let london = reading.get(&format!("{DATASET}?tz=Asia/Tokyo&columns=at&limit=1")).await;
    assert_eq!(london.json()["values"], json!([["2020-02-29T18:00:00+09:00"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_the_headers_of_a_page_and_options_needs_no_credentials() {
    let reading = Reading::with_dataset(1).await;
    let request = reading.request("HEAD", DATASET).authorization(&reading.bearer());
    let head = request.send().await.expect_status(200);
    assert_eq!((head.body.as_str(), head.header("Content-Type")), ("", Some("application/json")));
    reading.request("HEAD", DATASET).send().await.expect_status(401);
    for (path, allowed) in [
        (DATASET, "GET, POST, OPTIONS, HEAD"),
        ("/api/v1/table-structure/org.ds/L0", "GET, OPTIONS, HEAD"),
    ] {
        let options =
            reading.request("OPTIONS", path).header("Origin", "https://elsewhere.example");
        let options = options.send().await.expect_status(200);
        assert_eq!(options.header("Allow"), Some(allowed));
        let may_be_read_elsewhere = options
            .headers
            .iter()
            .any(|(name, _)| name.to_lowercase().starts_with("access-control"));
        assert!(!may_be_read_elsewhere, "{options:?}");
        let put = reading.request("PUT", path).authorization(&reading.bearer()).send().await;
        assert_eq!((put.status, put.header("Allow")), (405, Some(allowed)));
    }
}

/// The original made it from `Host` (R6).
#[tokio::test(flavor = "multi_thread")]
async fn next_begins_with_one_of_our_own_addresses() {
    let origins = [("PUBLIC_URL", "https://data.example,http://inside.example:8080")];
    let reading = Reading::start_with(&origins).await;
    reading.dataset(2);
    for (host, expected) in [
        ("data.example", "https://data.example/api/"),
        ("inside.example:8080", "http://inside.example:8080/api/"),
        ("evil.example", "https://data.example/api/"),
    ] {
        let request = reading.request("GET", &format!("{DATASET}?limit=1")).header("Host", host);
        let answer = request.authorization(&reading.bearer()).send_raw().await;
        let next = answer.header("Link").unwrap().to_owned();
        assert!(next.starts_with(&format!("<{expected}")), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_at_its_bytes() {
    let small = [("READER_PAGE_BYTES", "2048"), ("READER_BYTES_IN_FLIGHT", "2048")];
    let reading = Reading::start_with(&small).await;
    reading.dataset(0);
    reading.database.sql(
        r#"INSERT INTO "org.ds"."L0" SELECT n, repeat('x', 500), 0 FROM generate_series(1, 50) n"#,
    );
    let mut path = DATASET.to_owned();
    let mut rows = 0;
    loop {
        let page = reading.get(&path).await.expect_status(200).json();
        let count = page["values"].as_array().unwrap().len();
        assert!((1..=4).contains(&count), "{count}");
        rows += count;
        let Some(next) = page["next"].as_str() else { break };
        path = next.strip_prefix(&reading.url("")).unwrap().to_owned();
    }
    assert_eq!(rows, 50);
}
