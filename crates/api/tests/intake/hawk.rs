//! Requests signed with Hawk by mohawk, a client that we did not write.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use reqwest::Client;
use serde_json::{Value, json};
use test_kit::{
    Service, Stack,
    forms::{post, registration},
    stack::QUEUE,
    wait,
};

use crate::raw;

const KEY: &str = "an-invented-key-of-a-client";
const HAWK: [(&str, &str); 2] =
    [("INTAKE_AUTH", "hawk"), ("HAWK_CLIENTS", "ui:an-invented-key-of-a-client")];

/// What mohawk makes of a request, or says to the answer.
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
fn mohawk(request: &Value) -> Value {
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON is set: run `make test`");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../hawk-auth/tests/mohawk_client.py");
    let mut process = Command::new(python)
        .arg(script)
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

fn request(url: &str, nonce: &str, ts: u64) -> Value {
    json!({ "id": "ui", "key": KEY, "ts": ts, "nonce": nonce, "method": "POST", "url": url,
        "content": registration(1), "content_type": "application/json" })
}

async fn send(
    client: &Client,
    api: &Service,
    request: &Value,
    authorization: &str,
) -> reqwest::Response {
    let post = client.post(api.url("/form/")).header("Content-Type", "application/json");
    post.header("Authorization", authorization)
        .body(request["content"].as_str().unwrap().to_owned())
        .send()
        .await
        .unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_signed_form_is_taken_once_at_an_instance_and_as_the_same_submission_at_another() {
    let stack = Stack::start();
    let both =
        [("INTAKE_AUTH", "signature,hawk"), HAWK[1], ("PUBLIC_URL", "https://forms.example/")];
    let (one, other) = (stack.api(&both), stack.api(&both));
    stack.ready(&one).await;
    stack.ready(&other).await;
    let client = Client::new();
    let signed = request("https://forms.example/form/", "nonce", now());
    let said = mohawk(&signed);
    let answer = send(&client, &one, &signed, text(&said["authorization"])).await;
    assert_eq!(answer.status(), 202);

    // The answer is signed, and its client finds it whole.
    let server_authorization =
        answer.headers()["server-authorization"].to_str().unwrap().to_owned();
    let body = answer.text().await.unwrap();
    let mut judged = signed.clone();
    judged["answer"] = json!({ "server_authorization": server_authorization, "content": body, "content_type": "application/json" });
    assert_eq!(mohawk(&judged)["accepted"], true);
    judged["answer"]["content"] = "altered".into();
    assert_eq!(mohawk(&judged)["accepted"], "MisComputedContentHash");

    assert_eq!(send(&client, &one, &signed, text(&said["authorization"])).await.status(), 401);
    let replayed = send(&client, &other, &signed, text(&said["authorization"])).await;
    assert_eq!(replayed.status(), 202);
    assert_eq!(replayed.text().await.unwrap(), body);
    let ids: Vec<String> = stack
        .sqs
        .drain(QUEUE)
        .await
        .into_iter()
        .map(|message| message.attributes["id"].clone())
        .collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    wait::until("the cause", async || one.log().contains("cause=nonce_seen").then_some(())).await;

    // The signature of 2016 is on beside it; what is signed in neither way is told of Hawk.
    assert_eq!(post(&client, &one.url(""), registration(2)).await.unwrap().status(), 202);
    assert_eq!(reqwest::get(one.url("/")).await.unwrap().status(), 401);
}

#[tokio::test]
async fn whatever_is_wrong_there_is_one_401_and_only_a_wrong_clock_is_told() {
    let stack = Stack::start();
    let api = stack.api(&HAWK);
    stack.ready(&api).await;
    let client = Client::new();
    let url = api.url("/form/");
    let good = request(&url, "good", now());
    let wrong_key = json!({ "key": "another-key-of-that-client" });
    let unknown = json!({ "id": "unknown" });
    let elsewhere = json!({ "url": "http://elsewhere.example/form/" });
    let other_content = json!({ "content": registration(2) });
    for (change, cause) in [
        (wrong_key, "mac_wrong"),
        (unknown, "unknown_client"),
        (elsewhere, "mac_wrong"),
        (other_content, "payload_hash_wrong"),
    ] {
        let mut altered = good.clone();
        altered.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = send(&client, &api, &good, text(&mohawk(&altered)["authorization"])).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["www-authenticate"].to_str().unwrap()),
            (401, "Hawk")
        );
        assert_eq!(
            answer.text().await.unwrap(),
            r#"{"detail":"The request is not signed as it must be."}"#
        );
        let logged = format!("cause={cause}");
        wait::until(&logged, async || api.log().contains(&logged).then_some(())).await;
    }

    let late = request(&url, "late", now() - 100);
    let answer = send(&client, &api, &late, text(&mohawk(&late)["authorization"])).await;
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(answer.status(), 401);
    assert!(challenge.starts_with("Hawk ts=\"") && challenge.contains("tsm=\""), "{challenge}");

    // Without Hawk, and with a signature whose scheme is off.
    assert_eq!(post(&client, &api.url(""), registration(1)).await.unwrap().status(), 401);
    let twice = mohawk(&good)["authorization"].clone();
    let headers = [
        ("Authorization", text(&twice)),
        ("Authorization", text(&twice)),
        ("Content-Type", "application/json"),
    ];
    let twice = raw::request("POST", "/form/", &headers, text(&good["content"]).as_bytes());
    assert_eq!(raw::exchange(api.port(), &twice, Duration::from_secs(10)).await.status, 401);

    // None of them has used up the nonce of the good one.
    assert_eq!(
        send(&client, &api, &good, text(&mohawk(&good)["authorization"])).await.status(),
        202
    );
    assert!(!api.log().contains(KEY));
}
