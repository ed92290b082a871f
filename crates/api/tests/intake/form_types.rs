//! Form types other than `form`: built in, and added by the operator as a file.

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};
use test_kit::{
    Service, Stack,
    forms::{SECRET, signature},
    service::path_of,
    stack::QUEUE,
};

use crate::raw::{self, Answer};

const REGISTRATION: &str = include_str!("../../../../deploy/form-types/registration.schema.json");

async fn post(api: &Service, path: &str, content_type: &str, body: &str) -> Answer {
    let signature = signature(path, body.as_bytes(), SECRET);
    let headers = [("Content-Type", content_type), ("X-Signature", signature.as_str())];
    raw::exchange(
        api.port(),
        &raw::request("POST", path, &headers, body.as_bytes()),
        Duration::from_secs(10),
    )
    .await
}

async fn post_json(api: &Service, path: &str, body: &Value) -> (u16, Value) {
    let answer = post(api, path, "application/json", &body.to_string()).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn an_enrolment_goes_to_its_own_queue() {
    let stack = Stack::start();
    let api = stack.api(&[("FORM_TYPES", "form, enrolment")]);
    stack.ready(&api).await;
    let enrolment = json!({
        "export_status": "YES", "company_name": "Example Limited", "company_number": "01234567",
        "date_of_creation": "2010-10-10", "sso_id": 1, "company_email": "test@example.com", "more": [1.50],
    });
    let (status, answer) = post_json(&api, "/enrolment/", &enrolment).await;
    assert_eq!(status, 202, "{answer}");
    assert!(answer.get("data").is_none() && answer["id"].is_string());
    let queued = stack.sqs.drain("directory-enrolment").await;
    assert_eq!(serde_json::from_str::<Value>(&queued[0].body).unwrap(), enrolment);
    assert_eq!(queued[0].attributes["form_type"], "enrolment");
    assert_eq!(stack.sqs.drain(QUEUE).await, []);

    let (status, answer) = post_json(&api, "/enrolment/", &json!({ "company_number": "1" })).await;
    assert_eq!(status, 400);
    assert_eq!(answer["company_number"], json!(["Company number must be 8 characters"]));
    assert_eq!(answer["company_name"], json!(["This field is required."]));
    let answer =
        post(&api, "/enrolment/", "application/x-www-form-urlencoded", "company_number=1").await;
    assert_eq!(answer.status, 415, "{answer:?}");
}

#[tokio::test]
async fn a_type_in_a_file_is_served_with_its_schema_and_listed() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("registration.schema.json"), REGISTRATION).unwrap();
    let stack = Stack::start();
    let types = [
        ("FORM_TYPES", "form,registration"),
        ("FORM_TYPES_DIR", directory.path().to_str().unwrap()),
    ];
    let api = stack.api(&types);
    stack.ready(&api).await;

    let index = raw::request("GET", "/", &[("X-Signature", &signature("/", b"", SECRET))], b"");
    let index = raw::exchange(api.port(), &index, Duration::from_secs(10)).await;
    let index: Value = serde_json::from_str(&index.body).unwrap();
    assert_eq!(
        index,
        json!({ "form": "http://forms.example/form/", "registration": "http://forms.example/registration/" })
    );

    // The schema is documentation, and needs no signature.
    let schema = reqwest::get(api.url("/registration/schema/")).await.unwrap();
    assert_eq!(schema.headers()["content-type"], "application/schema+json");
    assert_eq!(
        schema.json::<Value>().await.unwrap(),
        serde_json::from_str::<Value>(REGISTRATION).unwrap()
    );
    assert_eq!(reqwest::get(api.url("/form/schema")).await.unwrap().status(), 200);

    let bad = json!({ "data": { "company_name": "", "agree_terms": false } });
    let (status, answer) = post_json(&api, "/registration/", &bad).await;
    assert_eq!(status, 400);
    assert_eq!(answer["data"]["company_name"], json!(["This field may not be blank."]));
    assert_eq!(answer["data"]["agree_terms"], json!(["The terms must be agreed to."]));
    assert_eq!(stack.sqs.drain("directory-registration").await, []);
}

#[tokio::test]
async fn a_schema_in_a_file_that_replaces_a_built_in_one_is_told_at_start() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("form.schema.json"), r#"{"required": ["x"]}"#).unwrap();
    fs::write(directory.path().join("registration.schema.json"), REGISTRATION).unwrap();
    let types = [
        ("FORM_TYPES", "form,enrolment,registration"),
        ("FORM_TYPES_DIR", directory.path().to_str().unwrap()),
        ("RUST_LOG", "info"),
    ];
    let stack = Stack::start();
    for service in [stack.api(&types), stack.worker(&types)] {
        let log = service.log();
        let told: Vec<&str> =
            log.lines().filter(|line| line.contains("replaces the built-in one")).collect();
        assert!(matches!(told.as_slice(), [line] if line.ends_with("form_type=form")), "{log}");
    }
}

#[test]
fn a_bad_schema_or_an_unknown_type_stops_the_process_with_its_name_and_place() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("one.schema.json"),
        r#"{"properties": {"a": {"type": "text"}}}"#,
    )
    .unwrap();
    fs::write(directory.path().join("two.schema.json"), "{\n\"type\": object}").unwrap();
    let variables = [
        ("UI_SECRET", "x"),
        ("FORM_TYPES", "form,nowhere"),
        ("FORM_TYPES_DIR", directory.path().to_str().unwrap()),
    ];
    for service in ["api", "worker"] {
        let output = Command::new(path_of(service)).env_clear().envs(variables).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        for part in [
            "names nowhere: it is not built in",
            "one.schema.json, which is not right: at /properties/a/type",
            "two.schema.json, which is not right: it is not JSON: expected value at line 2",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}
