//! Who may ask, with keys as they are.

use test_kit::http::Answer;

use crate::support::{DATASET, DATASET_KEY, KEY, Reading};

/// `id:key` in base64, as clients send it.
fn basic(id: &str, key: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{id}:{key}")))
}

fn challenges(answer: &Answer) -> Vec<&str> {
    let all =
        answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("WWW-Authenticate"));
    all.map(|(_, value)| value.as_str()).collect()
}

/// The original's 401 was empty and named no scheme (R9).
#[tokio::test(flavor = "multi_thread")]
async fn every_cause_gets_the_same_401_with_a_challenge_for_each_scheme() {
    let reading = Reading::with_dataset(1).await;
    let ask = async |authorization: &str| {
        reading.request("GET", DATASET).authorization(authorization).send().await
    };
    for good in [format!("Bearer {KEY}"), format!("bearer  {KEY}"), basic("all", KEY)] {
        ask(&good).await.expect_status(200);
    }
    let none = reading.request("GET", DATASET).send().await.expect_status(401);
    let expected =
        ["Hawk", "Bearer realm=\"form data\"", "Basic realm=\"form data\", charset=\"UTF-8\""];
    assert_eq!(challenges(&none), expected);
    for wrong in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        format!("Bearer {KEY}x"),
        format!("Bearer dfd_unknown1_{}", &KEY[13..]),
        format!("Bearer {}", &KEY[..KEY.len() - 1]),
        format!("Bearer {}", KEY.replace("all00001", "dataset1")),
        format!("Digest {KEY}"),
        KEY.to_owned(),
        basic("all", DATASET_KEY),
        basic("unknown", KEY),
        basic("", ""),
        "Basic !".to_owned(),
        "Basic YWxs".to_owned(),
        "Hawk".to_owned(),
        "Hawk id=\"all\"".to_owned(),
    ] {
        let answer = ask(&wrong).await.expect_status(401);
        assert_eq!(answer.body, none.body, "{wrong}");
        assert_eq!(challenges(&answer), expected, "{wrong}");
    }
    let twice = reading.request("GET", DATASET).authorization(&format!("Bearer {KEY}"));
    twice.authorization(&format!("Bearer {KEY}")).send_raw().await.expect_status(401);
    let problem = none.json();
    assert_eq!(problem["status"], 401);
    let page = reading.request("GET", problem["type"].as_str().unwrap()).send().await;
    assert!(page.expect_status(200).body.starts_with("The request has no valid credentials (401"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_that_is_off_is_neither_accepted_nor_offered() {
    let reading = Reading::start_with(&[("READER_AUTH", "basic")]).await;
    reading.dataset(1);
    let refused = reading.get(DATASET).await.expect_status(401);
    assert_eq!(challenges(&refused), ["Basic realm=\"form data\", charset=\"UTF-8\""]);
    let request = reading.request("GET", DATASET).authorization(&basic("all", KEY));
    request.send().await.expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_too_much_waits_and_others_do_not() {
    let reading = Reading::start_with(&[("READER_REQUESTS_PER_MINUTE", "9")]).await;
    reading.dataset(1);
    for _ in 0..3 {
        reading.get(DATASET).await.expect_status(200);
    }
    let refused = reading.get(DATASET).await.expect_status(429);
    let wait: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=8).contains(&wait), "{wait}");
    reading.get_as(DATASET_KEY, DATASET).await.expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_gives_503_without_sql() {
    let reading = Reading::with_dataset(1).await;
    reading
        .database
        .sql(r#"ALTER TABLE "org.ds"."L0" ADD broken int GENERATED ALWAYS AS (1) STORED"#);
    let _lock = reading.database.lock("\"org.ds\".\"L0\"");
    let refused = reading.get(DATASET).await.expect_status(503);
    assert!(refused.header("Retry-After").is_some());
    assert_eq!(refused.json()["error"], "The rows cannot be read at the moment.");
}
