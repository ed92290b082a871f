//! Names and values that are meant to do harm: each gets a 4xx with a reason, or finds nothing, and
//! no answer has SQL in it.

use test_kit::{http::Answer, wait::until_true};

use crate::support::{DATASET, Reading};

/// Anybody who reads the log finds this in whatever came from a client.
const CANARY: &str = "canary";

fn hostile() -> Vec<String> {
    let texts = [
        "\"",
        "canary\"",
        "'",
        "canary''",
        ".",
        "..",
        "canary.canary.canary",
        "L0\0canary",
        "\0",
        "\r\nSet-Cookie: canary",
        "таблица-canary",
        "表canary",
        "🦀canary",
        "\u{202e}canary",
        "$1",
        "%s%n",
        "\\canary",
        "canary/* */",
        "canary; SELECT pg_sleep(60)",
        "canary\"; DROP TABLE forms; --",
        "canary' OR '1'='1",
        "L0\" r; DROP TABLE forms; --",
        "1) UNION SELECT data::text FROM forms --",
        "pg_catalog",
        "undefined",
    ];
    texts.map(str::to_owned).into_iter().chain([CANARY.repeat(1700)]).collect()
}

/// Every byte encoded, so that nothing on the way changes it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn get(reading: &Reading, path: &str) -> Answer {
    let request = reading.request("GET", path).authorization(&reading.bearer());
    let answer = request.send_raw().await;
    for sql in
        ["ERROR", "LINE 1", "syntax", "FROM ", "pg_attribute", "r.\"", "::", "42P01", "22P02"]
    {
        let is_from_us = path.contains(&encoded(sql));
        assert!(is_from_us || !answer.body.contains(sql), "{path}: {answer:?}");
    }
    assert!(answer.header("Set-Cookie").is_none(), "{path}: {answer:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_none_is_not_found_whatever_it_is() {
    let reading = Reading::with_dataset(1).await;
    reading.publish_registration();
    let expected = get(&reading, "/api/v1/table-data/org.ds/L9").await.expect_status(404).body;
    for text in hostile() {
        let name = encoded(&text);
        for path in [
            format!("/api/v1/table-structure/{name}/L0"),
            format!("/api/v1/table-structure/org.ds/{name}"),
            format!("/api/v1/table-data/{name}/L0"),
            format!("/api/v1/table-data/org.ds/{name}"),
            format!("/api/v1/table-data/submissions/{name}"),
            format!("/api/v1/table-data/submissions.{name}/L0"),
            format!("/api/v1/table-data/org.ds/{name}?format=csv"),
            format!("/api/v1/submissions/{name}"),
            format!("/api/v1/exports/{name}"),
            format!("/docs/errors/{name}"),
            format!("/{name}"),
        ] {
            let answer = get(&reading, &path).await;
            assert_eq!((answer.status, &answer.body), (404, &expected), "{path}");
        }
    }
    check_that_nothing_happened(&reading);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_parameter_is_refused_and_a_hostile_value_finds_nothing() {
    let reading = Reading::with_dataset(1).await;
    for text in hostile() {
        let value = encoded(&text);
        let quoted = encoded(&format!("\"{}\"", text.replace('"', "\"\"")));
        let refused = [
            "orientation",
            "next-id",
            "after",
            "limit",
            "wait",
            "tz",
            "numbers",
            "format",
            "version",
            "columns",
        ]
        .map(|name| format!("{name}={value}"));
        let of_csv =
            ["bom", "formulas", "delimiter"].map(|name| format!("format=csv&{name}={value}"));
        let others = [
            format!("{value}=eq.1"),
            format!("column.{value}=eq.1"),
            format!("columns={quoted}"),
            format!("columns=id,{quoted}"),
            format!("name={value}"),
            format!("name={value}.x"),
            format!("name=is.{value}"),
            format!("name=in.{value}"),
            format!("big=eq.{value}"),
            format!("big=not.lt.{value}"),
            format!("big=in.(1,{value})"),
        ];
        for query in refused.iter().chain(&of_csv).chain(&others) {
            let refused = get(&reading, &format!("{DATASET}?{query}")).await;
            assert_eq!(refused.status, 400, "{query}: {refused:?}");
            let problem = refused.json();
            assert_eq!(problem["type"], "/docs/errors/bad-parameter", "{query}");
            assert!(problem["error"].as_str().unwrap().len() < 800, "{query}: {problem}");
        }
        for query in [
            format!("name=eq.{value}"),
            format!("name=like.{value}"),
            format!("name=in.({quoted})"),
        ] {
            let answer = get(&reading, &format!("{DATASET}?{query}")).await;
            match answer.status {
                200 => assert_eq!(answer.json()["values"].as_array().unwrap().len(), 0, "{query}"),
                // A NUL, or a pattern or a quote that does not end.
                400 => assert!(text.contains(['\0', '\\', '"']), "{query}: {answer:?}"),
                _ => panic!("{query}: {answer:?}"),
            }
        }
    }
    check_that_nothing_happened(&reading);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_does_not_fit_its_column_is_refused_with_the_name_and_the_type() {
    let reading = Reading::start().await;
    reading.database.sql(
        r#"CREATE SCHEMA "org.ds";
           CREATE TABLE "org.ds"."L0" (id bigint PRIMARY KEY, small smallint, price numeric(10, 2), real real, yes boolean, day date,
               at timestamp, at_tz timestamptz, clock time, span interval, uuid uuid, bytes bytea, json jsonb, list text[]);
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table')"#,
    );
    for (column, pg_type) in [
        ("id", "bigint"),
        ("small", "smallint"),
        ("price", "numeric(10,2)"),
        ("real", "real"),
        ("yes", "boolean"),
        ("day", "date"),
        ("at", "timestamp without time zone"),
        ("at_tz", "timestamp with time zone"),
        ("clock", "time without time zone"),
        ("span", "interval"),
        ("uuid", "uuid"),
        ("bytes", "bytea"),
    ] {
        for query in
            [format!("{column}=eq.\\canary"), format!("column.{column}=not.gt.\\canary&format=csv")]
        {
            let error = reading.mistake(&format!("{DATASET}?{query}")).await;
            let parameter = query.split('=').next().unwrap();
            assert_eq!(error, format!("{parameter}: the value is no {pg_type}"));
        }
    }
    for column in ["json", "list"] {
        let error = reading.mistake(&format!("{DATASET}?{column}=eq.canary")).await;
        assert_eq!(
            error,
            format!("{column}: a JSON column or a list takes is.null and is.not_null only")
        );
        reading.get(&format!("{DATASET}?{column}=is.null")).await.expect_status(200);
    }
    check_that_nothing_happened(&reading);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_published_is_answered_like_what_does_not_exist() {
    let reading = Reading::with_dataset(1).await;
    reading.database.sql(r#"CREATE TABLE "org.ds"."L1" (id bigint PRIMARY KEY)"#);
    let limited = reading.known_client("limited", "org.ds/L0", None).await;
    for route in ["table-structure", "table-data"] {
        let get = async |key: &str, name: &str| {
            let answer = reading.get_as(key, &format!("/api/v1/{route}/{name}")).await;
            (answer.status, answer.body)
        };
        let (no_such, not_allowed) =
            (get(&reading.key, "org.ds/L9").await, get(&limited, "no/such").await);
        assert_eq!((no_such.0, not_allowed.0), (404, 403));
        for name in [
            "org.ds/L1",
            "public/forms",
            "public/clients",
            "pg_catalog/pg_authid",
            "pg_temp_2/x",
            "information_schema/tables",
        ] {
            assert_eq!(get(&reading.key, name).await, no_such, "{name}");
            assert_eq!(get(&limited, name).await, not_allowed, "{name}");
        }
    }
}

/// PostgreSQL takes no NUL, and an entry needs no 10 KB.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_noted_whatever_was_asked_for() {
    let reading = Reading::with_dataset(1).await;
    let limited = reading.known_client("limited", "org.ds/L0", None).await;
    for text in hostile() {
        let path = format!("/api/v1/table-data/{}/L0", encoded(&text));
        let request = reading.request("GET", &path).authorization(&format!("Bearer {limited}"));
        request.send_raw().await.expect_status(403);
    }
    let noted = format!(
        "SELECT count(*) = {} AND max(length(relation)) <= 200 FROM read_audit WHERE client_id = 'limited' AND reason = 'not-allowed'",
        hostile().len()
    );
    until_true("all are noted", async || reading.database.sql(&noted) == "t").await;
    check_that_nothing_happened(&reading);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_headers_and_heads_are_no_reason_to_fail() {
    let reading = Reading::with_dataset(1).await;
    let long = "x".repeat(10_000);
    for (name, value) in [
        ("Accept", "text/csv;q=nan, */*;q=inf, ;;=,,\"canary"),
        ("Accept", long.as_str()),
        ("Accept-Encoding", "gzip;q=-1, \u{e9}"),
        ("If-None-Match", "W/\"canary, \u{e9}"),
        ("Host", "canary\" onload=\"x"),
        ("Host", long.as_str()),
        ("Content-Type", "canary\u{e9}"),
        ("Content-Length", "-1"),
        ("Transfer-Encoding", "canary"),
        ("Expect", "canary"),
        ("traceparent", long.as_str()),
    ] {
        // A head that is none of HTTP is refused before there is a request to describe.
        let request = reading.reader.request("GET", DATASET).authorization(&reading.bearer());
        let answer = request.header(name, value).send_raw().await;
        assert!((200..500).contains(&answer.status), "{name}: {answer:?}");
        assert!(!answer.body.contains(CANARY), "{name}: {answer:?}");
    }
    let endless = format!("{DATASET}?name=eq.{}", "x".repeat(1 << 20));
    let request = reading.reader.request("GET", &endless).authorization(&reading.bearer());
    let answer = request.send_raw().await;
    // Whoever is still writing may see the connection close before the answer.
    assert!([0, 400, 414, 431].contains(&answer.status), "{answer:?}");
    check_that_nothing_happened(&reading);
}

/// The tables are there, the reader serves, and its log quotes no client.
fn check_that_nothing_happened(reading: &Reading) {
    assert_eq!(reading.database.sql("SELECT to_regclass('forms') IS NOT NULL"), "t");
    let log = reading.reader.log();
    assert!(!log.contains(CANARY) && !log.contains("ERROR"), "{log}");
    let noted = reading.database.sql(
        "SELECT count(*) FROM read_audit a WHERE a::text LIKE '%canary%' AND kind <> 'refusal'",
    );
    assert_eq!(noted, "0");
}
