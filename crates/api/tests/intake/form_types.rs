//! Form types other than `form`: built-in ones, and types that an operator adds as files.

use std::{fs, process::Command};

use serde_json::{Value, json};
use test_kit::{Service, Stack, http::Answer, program::path_of, stack::QUEUE};

const REGISTRATION: &str = include_str!("../../../../deploy/form-types/registration.schema.json");

async fn post(api: &Service, path: &str, content_type: &str, body: &str) -> Answer {
    api.request("POST", path).content_type(content_type).body(body).signed().send().await
}

async fn post_json(api: &Service, path: &str, body: &Value) -> (u16, Value) {
    let answer = post(api, path, "application/json", &body.to_string()).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn an_enrolment_goes_to_its_own_queue() {
    let stack = Stack::start();
    let api = stack.ready_api(&[("FORM_TYPES", "form, enrolment")]).await;
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
    answer.expect_status(415);
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
    let api = stack.ready_api(&types).await;

    let index = api.request("GET", "/").signed().send_raw().await;
    assert_eq!(
        index.json(),
        json!({ "form": "http://forms.example/form/", "registration": "http://forms.example/registration/" })
    );

    // The schema is documentation, and needs no signature.
    let schema = api.get("/registration/schema/").await;
    assert_eq!(schema.header("Content-Type"), Some("application/schema+json"));
    assert_eq!(schema.json(), serde_json::from_str::<Value>(REGISTRATION).unwrap());
    api.get("/form/schema").await.expect_status(200);

    let bad = json!({ "data": { "company_name": "", "agree_terms": false } });
    let (status, answer) = post_json(&api, "/registration/", &bad).await;
    assert_eq!(status, 400);
    assert_eq!(answer["data"]["company_name"], json!(["This field may not be blank."]));
    assert_eq!(answer["data"]["agree_terms"], json!(["The terms must be agreed to."]));
    assert_eq!(stack.sqs.drain("directory-registration").await, []);
}

#[tokio::test]
async fn a_file_that_replaces_a_built_in_schema_is_logged_at_start() {
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
        let logged: Vec<&str> =
            log.lines().filter(|line| line.contains("replaces the built-in one")).collect();
        assert!(matches!(logged.as_slice(), [line] if line.ends_with("form_type=form")), "{log}");
    }
}

#[test]
fn a_bad_schema_or_an_unknown_type_stops_the_process_and_names_its_place() {
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

#[tokio::test]
async fn a_schema_of_form_can_ask_for_all_values_of_a_repeated_name() {
    let directory = tempfile::tempdir().unwrap();
    let schema = r#"{"required": ["data"], "properties": {"interests": {"type": "array"}}}"#;
    fs::write(directory.path().join("form.schema.json"), schema).unwrap();
    let stack = Stack::start();
    let api = stack.ready_api(&[("FORM_TYPES_DIR", directory.path().to_str().unwrap())]).await;
    let body = "data=1&interests=tea&data=2&interests=wool";
    post(&api, "/form/", "application/x-www-form-urlencoded", body).await.expect_status(202);
    let queued = stack.sqs.drain(QUEUE).await;
    assert_eq!(queued[0].body, r#"{"data":"2","interests":["tea","wool"]}"#);
}
