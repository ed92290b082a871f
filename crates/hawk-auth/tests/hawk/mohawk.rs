//! mohawk, a client that we did not write, signs requests and checks our answers.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::sent::{KEY, NOW, Sent, attribute, verifier};

/// mohawk's result for each request.
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
pub fn mohawk(requests: &[Value]) -> Vec<Value> {
    let python = std::env::var("TEST_PYTHON").expect(
        "set TEST_PYTHON to a Python with mohawk, or run the tests with `make test`, which installs one",
    );
    let mut process = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mohawk_client.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(Value::from(requests).to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "mohawk_client.py failed; its output is above");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn post() -> Value {
    json!({
        "id": "ui", "key": KEY, "ts": NOW, "nonce": "abc", "method": "POST",
        "url": "https://forms.example.com/form/?a=1&b=%20",
        "content": "{\"data\": \"ä\"}", "content_type": "application/json; charset=utf-8",
    })
}

/// `request` with some of its members replaced or added.
pub fn with(mut request: Value, members: Value) -> Value {
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    request
}

/// `request` as a server would see it.
pub fn sent(request: &Value, port: u16, path_and_query: &str, result: &Value) -> Sent {
    let text = |name: &str| request[name].as_str().unwrap().to_owned();
    Sent {
        authorization: Some(result["authorization"].as_str().unwrap().to_owned()),
        method: text("method"),
        path_and_query: path_and_query.to_owned(),
        host: "forms.example.com".to_owned(),
        port,
        content_type: text("content_type"),
        body: text("content").into_bytes(),
        now: NOW,
    }
}

#[test]
fn mohawk_signs_and_accepts_our_answers() {
    let form = "/form/?a=1&b=%20";
    let cases = [
        ("a form", post(), 443, form),
        ("ext", with(post(), json!({"ext": "some ext; with = signs"})), 443, form),
        ("app", with(post(), json!({"app": "an-app"})), 443, form),
        ("app and dlg", with(post(), json!({"app": "an-app", "dlg": "another"})), 443, form),
        (
            "a port",
            with(post(), json!({"url": "http://forms.example.com:8000/form/?a=1&b=%20"})),
            8000,
            form,
        ),
        (
            "the usual port",
            with(post(), json!({"url": "http://forms.example.com/form/?a=1&b=%20"})),
            80,
            form,
        ),
        (
            "an upper-case host",
            with(post(), json!({"url": "https://Forms.Example.Com/form/?a=1&b=%20"})),
            443,
            form,
        ),
        (
            "a GET",
            with(post(), json!({"method": "GET", "content": "", "content_type": ""})),
            443,
            form,
        ),
        ("a root", with(post(), json!({"url": "https://forms.example.com/"})), 443, "/"),
    ];
    let requests: Vec<Value> = cases.iter().map(|(_, request, ..)| request.clone()).collect();
    let result = mohawk(&requests);

    let mut answered = Vec::new();
    for ((what, request, port, path), result) in cases.iter().zip(&result) {
        let verified = sent(request, *port, path, result)
            .verify(&verifier())
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        let header = verified.server_authorization("application/json", b"{\"id\": 1}");
        let answer = json!({"server_authorization": header, "content": "{\"id\": 1}", "content_type": "application/json"});
        answered.push(with(request.clone(), json!({"answer": answer})));
        let altered = with(answer, json!({"content": "{\"id\": 2}"}));
        answered.push(with(request.clone(), json!({"answer": altered})));
        let other_request = with(request.clone(), json!({"nonce": "other"}));
        answered
            .push(with(other_request, json!({"answer": answered[answered.len() - 2]["answer"]})));
    }
    for (result, (what, ..)) in mohawk(&answered).chunks(3).zip(&cases) {
        let accepted: Vec<&Value> = result.iter().map(|result| &result["accepted"]).collect();
        assert_eq!(
            accepted,
            [&json!(true), &json!("MisComputedContentHash"), &json!("MacMismatch")],
            "{what}"
        );
    }
}

#[test]
fn mohawk_and_we_compute_the_same_mac_over_our_time() {
    let now = mohawk(&[post()]).remove(0);
    let long_ago = with(post(), json!({"ts": NOW - 3600}));
    let result = mohawk(std::slice::from_ref(&long_ago)).remove(0);
    let refusal =
        sent(&long_ago, 443, "/form/?a=1&b=%20", &result).verify(&verifier()).unwrap_err();
    assert_eq!(attribute(&refusal.www_authenticate(), "tsm"), now["tsm"].as_str().unwrap());
}

#[test]
fn an_altered_request_from_mohawk_is_refused() {
    let result = mohawk(&[with(post(), json!({"app": "an-app", "dlg": "another"}))]).remove(0);
    for (old, new, expected) in [
        ("app=\"an-app\"", "app=\"an-apq\"", "mac_wrong"),
        ("dlg=\"another\"", "dlg=\"anothes\"", "mac_wrong"),
        ("app=\"an-app\", ", "", "malformed"),
        (", dlg=\"another\"", "", "mac_wrong"),
        ("nonce=\"abc\"", "nonce=\"abd\"", "mac_wrong"),
    ] {
        let mut sent = sent(&post(), 443, "/form/?a=1&b=%20", &result);
        sent.replace(old, new);
        assert_eq!(sent.code(&verifier()), expected, "{new}");
    }
}
