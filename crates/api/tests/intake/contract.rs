//! Every case of the contract: requests to the service of 2016 and its answers, corrected if it was
//! wrong.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;
use test_kit::{
    Service, Stack,
    forms::{SECRET, signature},
    http::Request,
    stack::QUEUE,
};

use crate::described::Described;

fn contract() -> Value {
    serde_json::from_str(include_str!("contract.json")).unwrap()
}

#[tokio::test]
async fn every_case_of_the_contract_gets_the_answer_in_it() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let described = Described::of(&api).await;

    let contract = contract();
    let cases = contract["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    let mut bodies = Vec::new();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let answer = request(&api, &case["request"]).send_raw().await;
        let expect = &case["expect"];
        let mut complain = |what: String| wrong.push(format!("{name}: {what}: {answer:?}"));
        if Some(u64::from(answer.status)) != expect["status"].as_u64() {
            complain(format!("status {}", expect["status"]));
        }
        if let Some(text) = expect["text"].as_str()
            && answer.body != text
        {
            complain(format!("text {text}"));
        }
        for (header, value) in expect["headers"].as_object().into_iter().flatten() {
            if answer.header(header) != value.as_str() {
                complain(format!("header {header}: {value}"));
            }
        }
        let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        for (member, value) in expect["json"].as_object().into_iter().flatten() {
            if !matches(&body[member], value) {
                complain(format!("{member}: {value}"));
            }
        }
        let text = |name: &str| case["request"][name].as_str().unwrap();
        if let Some(difference) = described.difference(text("method"), text("path"), &answer) {
            complain(format!("not as the OpenAPI document says: {difference}"));
        }
        let messages = stack.sqs.drain(QUEUE).await;
        let queued: Vec<Value> =
            messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect();
        bodies.extend(messages.into_iter().map(|message| message.body));
        let expected = Some(&expect["queued"]).filter(|queued| !queued.is_null()).cloned();
        if queued != expected.into_iter().collect::<Vec<_>>() {
            complain(format!("queued {queued:?}, not {}", expect["queued"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() > 40, "the contract is incomplete");
    assert_eq!(accepted_by_the_2016_worker(&bodies), bodies.len());
}

/// How many of these message bodies the worker of 2016 accepts. It was written in Python, and the
/// script does the one check that it did.
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
fn accepted_by_the_2016_worker(bodies: &[String]) -> usize {
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON is set: run `make test`");
    let script = "import json, sys\nprint(sum(json.loads(body)['data'] is not None for body in json.load(sys.stdin)))";
    let mut process = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(serde_json::to_string(bodies).unwrap().as_bytes())
        .unwrap();
    let output = process.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn signatures_match_the_contract() {
    for vector in contract()["signature_vectors"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        assert_eq!(
            signature(text("path"), text("body").as_bytes(), text("secret")),
            text("signature")
        );
    }
}

/// The request of a case.
fn request(api: &Service, request: &Value) -> Request {
    let text = |name: &str| request[name].as_str();
    let (method, path) = (text("method").unwrap(), text("path").unwrap());
    let body = match text("body_hex") {
        Some(digits) => (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect(),
        None => text("body").unwrap_or_default().as_bytes().to_vec(),
    };
    let signature = match &request["sign"] {
        Value::String(how) => match how.as_str() {
            "legacy" => Some(signature(path, &body, SECRET)),
            "legacy-uppercase" => Some(signature(path, &body, SECRET).to_uppercase()),
            "wrong" => Some("0".repeat(64)),
            "none" => None,
            other => panic!("no such signature: {other}"),
        },
        other => {
            let of = &other["legacy-for"];
            Some(signature(
                of["path"].as_str().unwrap(),
                of["body"].as_str().unwrap().as_bytes(),
                SECRET,
            ))
        }
    };
    let headers = request["headers"].as_object().unwrap().iter();
    let request = headers.fold(api.request(method, path).body(body), |request, (name, value)| {
        request.header(name, value.as_str().unwrap())
    });
    match signature {
        Some(signature) => request.header("X-Signature", &signature),
        None => request,
    }
}

fn matches(actual: &Value, expected: &Value) -> bool {
    let text = actual.as_str().unwrap_or_default();
    match (expected["starts_with"].as_str(), expected["ends_with"].as_str()) {
        (Some(start), _) => text.starts_with(start),
        (_, Some(end)) => text.ends_with(end),
        (None, None) => actual == expected,
    }
}
