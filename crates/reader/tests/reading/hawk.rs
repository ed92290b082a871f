//! Requests signed by mohawk, a client that we did not write; it checks our answers, too.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use test_kit::http::Answer;

use crate::support::{DATASET, Reading};

#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
fn mohawk(request: &Value) -> Value {
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON: a Python with mohawk");
    let mut process = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../hawk-auth/tests/mohawk_client.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(json!([request]).to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice::<Value>(&output.stdout).unwrap()[0].take()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn with(mut request: Value, members: Value) -> Value {
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    request
}

fn request(reading: &Reading, method: &str, url: &str, nonce: &str) -> Value {
    json!({
        "id": "all", "key": reading.key, "ts": now(), "nonce": nonce, "method": method, "url": url,
        "content": "", "content_type": "",
    })
}

/// Sends it with an empty Content-Type, as the old pipeline does.
async fn send(reading: &Reading, request: &Value, path: &str) -> Answer {
    let authorization = mohawk(request)["authorization"].as_str().unwrap().to_owned();
    let sent = reading.request(request["method"].as_str().unwrap(), path);
    let sent = sent
        .authorization(&authorization)
        .header("Content-Type", request["content_type"].as_str().unwrap());
    sent.body(request["content"].as_str().unwrap()).send().await
}

/// Whether mohawk accepts the answer.
fn accepted(request: &Value, answer: &Answer) -> Value {
    let answer = json!({
        "server_authorization": answer.header("Server-Authorization").expect("it is signed"),
        "content": answer.body,
        "content_type": answer.header("Content-Type").unwrap_or_default(),
    });
    mohawk(&with(request.clone(), json!({ "answer": answer })))["accepted"].take()
}

/// The original decoded the URL before it checked the MAC (R7).
#[tokio::test(flavor = "multi_thread")]
async fn the_url_is_signed_as_it_was_sent_and_every_answer_is_signed() {
    let reading = Reading::with_dataset(3).await;
    for (nonce, (method, path, status)) in [
        ("GET", DATASET.to_owned(), 200),
        ("GET", format!("{DATASET}?name=neq.%C3%A9%7E%41+%2B&limit=1"), 200),
        ("GET", "/api/v1/table-data/%6Frg%2Eds/L%30".to_owned(), 200),
        ("GET", "/api/v1/table-structure/org.ds/L0".to_owned(), 200),
        ("GET", format!("{DATASET}?limit=0"), 400),
        ("GET", "/api/v1/table-data/org.ds/L1".to_owned(), 404),
        ("GET", "/api/v1/nothing".to_owned(), 404),
        ("DELETE", DATASET.to_owned(), 405),
        ("HEAD", DATASET.to_owned(), 200),
    ]
    .into_iter()
    .enumerate()
    {
        let request = request(&reading, method, &reading.url(&path), &nonce.to_string());
        let answer = send(&reading, &request, &path).await.expect_status(status);
        assert_eq!(accepted(&request, &answer), json!(true), "{method} {path} {answer:?}");
    }
}

/// The intake refuses it; a request without a body proves as much without a hash.
#[tokio::test(flavor = "multi_thread")]
async fn a_get_needs_no_hash_and_a_post_needs_one() {
    let reading = Reading::with_dataset(1).await;
    let get = request(&reading, "GET", &reading.url(DATASET), "1");
    let get = with(get, json!({"hash": false}));
    let answer = send(&reading, &get, DATASET).await.expect_status(200);
    assert_eq!(accepted(&get, &answer), json!(true));
    let form = json!({"hash": false, "content": "limit=1", "content_type": "application/x-www-form-urlencoded"});
    let post = with(request(&reading, "POST", &reading.url(DATASET), "2"), form);
    send(&reading, &post, DATASET).await.expect_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_signed_with_its_body() {
    let reading = Reading::with_dataset(3).await;
    let form = json!({"content": "columns=id&limit=2", "content_type": "application/x-www-form-urlencoded"});
    let post = with(request(&reading, "POST", &reading.url(DATASET), "1"), form);
    let answer = send(&reading, &post, DATASET).await.expect_status(200);
    assert_eq!(answer.json()["values"], json!([[1], [2]]));
    assert_eq!(accepted(&post, &answer), json!(true));
    let other = with(post.clone(), json!({"nonce": "2"}));
    let authorization = mohawk(&other)["authorization"].as_str().unwrap().to_owned();
    let altered = reading.request("POST", DATASET).authorization(&authorization);
    let altered = altered.content_type("application/x-www-form-urlencoded").body("columns=id");
    altered.send().await.expect_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn next_can_be_followed_as_it_is() {
    let reading = Reading::with_dataset(3).await;
    let mut path =
        format!("{DATASET}?orientation=records&limit=1&name=like.row%20*&column.name=neq.~%22");
    for page in 1..=3 {
        let request = request(&reading, "GET", &reading.url(&path), &page.to_string());
        let answer = send(&reading, &request, &path).await.expect_status(200).json();
        assert_eq!(answer["results"][0]["id"], page);
        if let Some(next) = answer["next"].as_str() {
            path = next.strip_prefix(&reading.url("")).unwrap().to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_refused_and_a_wrong_clock_is_named() {
    let reading = Reading::with_dataset(1).await;
    let url = reading.url(DATASET);
    let once = request(&reading, "GET", &url, "once");
    send(&reading, &once, DATASET).await.expect_status(200);
    let replayed = send(&reading, &once, DATASET).await.expect_status(401);
    assert_eq!(replayed.header("WWW-Authenticate"), Some("Hawk"));
    let late = with(request(&reading, "GET", &url, "late"), json!({"ts": now() - 100}));
    let late = send(&reading, &late, DATASET).await.expect_status(401);
    let challenge = late.header("WWW-Authenticate").unwrap();
    assert!(challenge.starts_with("Hawk ts=\"") && challenge.contains("tsm=\""), "{challenge}");
    assert_eq!(late.body, replayed.body);
    let wrong =
        with(request(&reading, "GET", &url, "wrong"), json!({"key": "another-key-of-that-client"}));
    send(&reading, &wrong, DATASET).await.expect_status(401);
}

/// The original checked scheme and port of the connection, not those of the client (R17).
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_public_address_is_signed() {
    let reading = Reading::start_with(&[("PUBLIC_URL", "https://data.example")]).await;
    reading.dataset(1);
    let signed = request(&reading, "GET", &format!("https://data.example{DATASET}"), "1");
    let authorization = mohawk(&signed)["authorization"].as_str().unwrap().to_owned();
    let sent = reading.request("GET", DATASET).header("Host", "data.example");
    let answer = sent.authorization(&authorization).send_raw().await.expect_status(200);
    assert!(answer.header("Server-Authorization").is_some());
}

/// The original asked Redis twice, so two copies that came at once both passed (R10).
#[tokio::test(flavor = "multi_thread")]
async fn of_many_copies_of_a_request_at_once_one_passes() {
    let reading = Reading::with_dataset(1).await;
    let signed = request(&reading, "GET", &reading.url(DATASET), "once");
    let authorization = mohawk(&signed)["authorization"].as_str().unwrap().to_owned();
    let copies = (0..20).map(|_| {
        let copy = reading.request("GET", DATASET).authorization(&authorization);
        tokio::spawn(async move { copy.header("Content-Type", "").send().await.status })
    });
    let mut statuses = Vec::new();
    for copy in copies.collect::<Vec<_>>() {
        statuses.push(copy.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![401; 19]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_a_304_are_signed_and_so_is_the_proof() {
    let reading = Reading::with_dataset(3).await;
    let path = format!("{DATASET}?format=csv");
    let stream = request(&reading, "GET", &reading.url(&path), "1");
    let answer = send(&reading, &stream, &path).await.expect_status(200);
    let signature = answer.header("Server-Authorization").unwrap();
    assert!(signature.starts_with("Hawk mac=") && !signature.contains("hash="), "{signature}");
    let path = format!("/api/v1/exports/{}", answer.header("Export-Id").unwrap());
    let proof = request(&reading, "GET", &reading.url(&path), "2");
    let proven = send(&reading, &proof, &path).await.expect_status(200);
    assert_eq!(accepted(&proof, &proven), json!(true));
    let page = request(&reading, "GET", &reading.url(DATASET), "3");
    let tag = send(&reading, &page, DATASET).await.header("ETag").unwrap().to_owned();
    let again = request(&reading, "GET", &reading.url(DATASET), "4");
    let authorization = mohawk(&again)["authorization"].as_str().unwrap().to_owned();
    let sent = reading.request("GET", DATASET).authorization(&authorization);
    let unchanged = sent.header("If-None-Match", &tag).header("Content-Type", "").send().await;
    let unchanged = unchanged.expect_status(304);
    assert_eq!(accepted(&again, &unchanged), json!(true));
}
