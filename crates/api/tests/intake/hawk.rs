//! Requests signed with Hawk by mohawk, a client that we did not write.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use test_kit::{Service, Stack, forms::registration, http::Answer, stack::QUEUE};

const KEY: &str = "an-invented-key-of-a-client";
const HAWK: [(&str, &str); 2] =
    [("INTAKE_AUTH", "hawk"), ("HAWK_CLIENTS", "ui:an-invented-key-of-a-client")];

/// Has mohawk sign a request, or check the answer in it.
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

async fn send(api: &Service, request: &Value, authorization: &Value) -> Answer {
    let post = api.request("POST", "/form/").json(text(&request["content"]));
    post.authorization(text(authorization)).send().await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_signed_form_is_accepted_once_by_an_instance_and_is_the_same_submission_at_another() {
    let stack = Stack::start();
    let both =
        [("INTAKE_AUTH", "signature,hawk"), HAWK[1], ("PUBLIC_URL", "https://forms.example/")];
    let (one, other) = (stack.ready_api(&both).await, stack.ready_api(&both).await);
    let signed = request("https://forms.example/form/", "nonce", now());
    let authorization = &mohawk(&signed)["authorization"];
    let answer = send(&one, &signed, authorization).await.expect_status(202);

    // The answer is signed, and the client verifies all of it.
    let mut checked = signed.clone();
    checked["answer"] = json!({
        "server_authorization": answer.header("Server-Authorization").unwrap(),
        "content": answer.body,
        "content_type": "application/json",
    });
    assert_eq!(mohawk(&checked)["accepted"], true);
    checked["answer"]["content"] = "altered".into();
    assert_eq!(mohawk(&checked)["accepted"], "MisComputedContentHash");

    send(&one, &signed, authorization).await.expect_status(401);
    let replayed = send(&other, &signed, authorization).await.expect_status(202);
    assert_eq!(replayed.body, answer.body);
    let queued = stack.sqs.drain(QUEUE).await;
    let ids: Vec<&String> = queued.iter().map(|message| &message.attributes["id"]).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    one.logged("cause=nonce_seen").await;

    // The signature of 2016 is on too. A request with neither gets the answer of Hawk.
    one.post_form(registration(2)).await.expect_status(202);
    one.get("/").await.expect_status(401);
    stack.expect_messages_left(QUEUE, 1);
}

#[tokio::test]
async fn every_fault_gets_the_same_401_and_only_a_wrong_clock_is_named() {
    let stack = Stack::start();
    let api = stack.ready_api(&HAWK).await;
    let url = api.url("/form/");
    let good = request(&url, "good", now());
    for (change, cause) in [
        (json!({ "key": "another-key-of-that-client" }), "mac_wrong"),
        (json!({ "id": "unknown" }), "unknown_client"),
        (json!({ "url": "http://elsewhere.example/form/" }), "mac_wrong"),
        (json!({ "content": registration(2) }), "payload_hash_wrong"),
    ] {
        let mut altered = good.clone();
        altered.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = send(&api, &good, &mohawk(&altered)["authorization"]).await;
        assert_eq!((answer.status, answer.header("WWW-Authenticate")), (401, Some("Hawk")));
        assert_eq!(answer.body, r#"{"detail":"The request is not signed correctly."}"#);
        api.logged(&format!("cause={cause}")).await;
    }

    let late = request(&url, "late", now() - 100);
    let answer = send(&api, &late, &mohawk(&late)["authorization"]).await.expect_status(401);
    let challenge = answer.header("WWW-Authenticate").unwrap();
    assert!(challenge.starts_with("Hawk ts=\"") && challenge.contains("tsm=\""), "{challenge}");

    // A signature of 2016, whose scheme is off.
    api.post_form(registration(1)).await.expect_status(401);
    let authorization = mohawk(&good)["authorization"].clone();
    let twice = api.request("POST", "/form/").json(text(&good["content"]));
    let twice = twice.authorization(text(&authorization)).authorization(text(&authorization));
    twice.send_raw().await.expect_status(401);

    // None of these requests has used up the nonce of the good one.
    send(&api, &good, &mohawk(&good)["authorization"]).await.expect_status(202);
    assert!(!api.log().contains(KEY));
    stack.expect_messages_left(QUEUE, 1);
}
