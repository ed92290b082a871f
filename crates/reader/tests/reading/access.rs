//! Who may ask, with keys as they are.

use test_kit::http::Answer;

use crate::support::{CREDENTIALS_KEY, DATASET, Reading};

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
    let (key, other) = (reading.key.as_str(), reading.known_client("other", "*/*", None).await);
    for good in [format!("Bearer {key}"), format!("bearer  {key}"), basic("all", key)] {
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
        format!("Bearer {key}x"),
        format!("Bearer dfd_unknown00001{}", &key[16..]),
        format!("Bearer {}", &key[..key.len() - 1]),
        // The id of one key with the secret of another.
        format!("Bearer {}{}", &key[..16], &other[16..]),
        format!("Digest {key}"),
        key.to_owned(),
        basic("all", &other),
        basic("unknown", key),
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
    let twice = reading.request("GET", DATASET).authorization(&reading.bearer());
    twice.authorization(&reading.bearer()).send_raw().await.expect_status(401);
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
    let request = reading.request("GET", DATASET).authorization(&basic("all", &reading.key));
    request.send().await.expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_too_much_waits_and_others_do_not() {
    let reading = Reading::start_with(&[("READER_REQUESTS_PER_MINUTE", "9")]).await;
    reading.dataset(1);
    let other = reading.add_client("other", "*/*", None);
    for _ in 0..3 {
        reading.get(DATASET).await.expect_status(200);
    }
    let refused = reading.get(DATASET).await.expect_status(429);
    let wait: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=8).contains(&wait), "{wait}");
    let is_served = async || reading.get_as(&other, DATASET).await.status == 200;
    test_kit::wait::until_true("another client is served", is_served).await;
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

/// A change of a client takes effect while the reader runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_ended_and_a_client_that_is_disabled_are_refused_soon() {
    let reading = Reading::with_dataset(1).await;
    let key = reading.known_client("other", "org.ds/L0", None).await;
    reading.database.sql("UPDATE client_keys SET ended_at = now() WHERE client_id = 'other'");
    let is_refused = async || reading.get_as(&key, DATASET).await.status == 401;
    test_kit::wait::until_true("the key is refused", is_refused).await;
    reading.get(DATASET).await.expect_status(200);
    reading.database.sql("UPDATE clients SET disabled_at = now()");
    let is_refused = async || reading.get(DATASET).await.status == 401;
    test_kit::wait::until_true("the client is refused", is_refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_key_that_opens_nothing_is_our_fault_and_not_the_clients() {
    let reading = Reading::start().await;
    let url = reading.database.url();
    let other = CREDENTIALS_KEY.replace("AQE", "AgI");
    let variables = [("DATABASE_URL", url.as_str()), ("CREDENTIALS_KEY", other.as_str())];
    let reader = test_kit::Service::start("reader", &variables);
    reader.logged("CREDENTIALS_KEY opens no key of a client").await;
    let refused = reader.request("GET", "/api/v1/relations").authorization(&reading.bearer());
    let refused = refused.send().await.expect_status(503);
    assert_eq!(refused.json()["type"], "/docs/errors/keys-unreadable");
    reader.get("/healthcheck/ready/").await.expect_status(503);
    assert!(!reader.log().contains(&reading.key));
}
