//! mohawk, a client that we did not write, signs requests and judges our answers.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::sent::{KEY, NOW, Sent, attribute, verifier};

/// What mohawk says about each request.
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
fn mohawk(requests: &[Value]) -> Vec<Value> {
    let python = std::env::var("TEST_PYTHON").expect(
        "TEST_PYTHON names no Python with mohawk: run the tests with `make test`, which makes one",
    );
    let mut process = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mohawk_client.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(Value::from(requests).to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "mohawk_client.py failed; what it said is above");
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
fn with(mut request: Value, members: Value) -> Value {
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    request
}

/// What a server would get to see of `request`.
fn sent(request: &Value, port: u16, path_and_query: &str, said: &Value) -> Sent {
    let text = |name: &str| request[name].as_str().unwrap().to_owned();
    Sent {
        authorization: Some(said["authorization"].as_str().unwrap().to_owned()),
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
    let said = mohawk(&requests);

    let mut answered = Vec::new();
    for ((what, request, port, path), said) in cases.iter().zip(&said) {
        let verified = sent(request, *port, path, said)
            .verdict(&verifier())
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
    for (said, (what, ..)) in mohawk(&answered).chunks(3).zip(&cases) {
        let accepted: Vec<&Value> = said.iter().map(|said| &said["accepted"]).collect();
        assert_eq!(
            accepted,
            [&json!(true), &json!("MisComputedContentHash"), &json!("MacMismatch")],
            "{what}"
        );
    }
}

#[test]
fn mohawk_gives_our_time_the_mac_that_we_give_it() {
    let now = mohawk(&[post()]).remove(0);
    let long_ago = with(post(), json!({"ts": NOW - 3600}));
    let said = mohawk(std::slice::from_ref(&long_ago)).remove(0);
    let refusal = sent(&long_ago, 443, "/form/?a=1&b=%20", &said).verdict(&verifier()).unwrap_err();
    assert_eq!(attribute(&refusal.www_authenticate(), "tsm"), now["tsm"].as_str().unwrap());
}

#[test]
fn what_mohawk_signs_is_refused_when_it_was_altered() {
    let said = mohawk(&[with(post(), json!({"app": "an-app", "dlg": "another"}))]).remove(0);
    for (old, new, expected) in [
        ("app=\"an-app\"", "app=\"an-apq\"", "mac_wrong"),
        ("dlg=\"another\"", "dlg=\"anothes\"", "mac_wrong"),
        ("app=\"an-app\", ", "", "malformed"),
        (", dlg=\"another\"", "", "mac_wrong"),
        ("nonce=\"abc\"", "nonce=\"abd\"", "mac_wrong"),
    ] {
        let mut sent = sent(&post(), 443, "/form/?a=1&b=%20", &said);
        sent.replace(old, new);
        assert_eq!(sent.code(&verifier()), expected, "{new}");
    }
}
