//! Single submissions, and where submissions are.

use serde_json::{Value, json};
use test_kit::{http::Answer, wait::until_true};

use crate::support::Reading;

const STORED: &str = "01890000-0000-7000-8000-000000000001";
const ERASED: &str = "01890000-0000-7000-8000-000000000002";
const INVALID: &str = "01890000-0000-7000-8000-000000000003";
const NOT_HERE: &str = "01890000-0000-7000-8000-000000000004";

async fn with_submissions() -> Reading {
    let reading = Reading::start().await;
    reading.publish_registration();
    for id in [STORED, ERASED] {
        reading.database.sql(&format!(
            r#"INSERT INTO forms (form_type, submission_id, sqs_message_id, data) VALUES ('registration', '{id}', '{id}', '{{"a": "x"}}')"#
        ));
    }
    reading.database.sql(&format!(
        "UPDATE forms SET data = 'null', erased_at = now() WHERE submission_id = '{ERASED}';
         SELECT keep_invalid(form_type => 'registration', submission_id => '{INVALID}', sqs_message_id => 'm',
            body => 'x'::bytea, attributes => 'x'::bytea, reason => 'not_json', number => NULL)"
    ));
    reading.show_rows();
    reading
}

async fn states(reading: &Reading, key: &str, body: &str) -> Answer {
    let request = reading.request("POST", "/api/v1/submissions/states").json(body);
    request.authorization(&format!("Bearer {key}")).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_can_be_read_alone_and_that_is_noted() {
    let reading = with_submissions().await;
    let get = async |id: &str| reading.get(&format!("/api/v1/submissions/{id}")).await;
    let one = get(STORED).await.expect_status(200).json();
    assert_eq!(one["form_type"], "registration");
    assert_eq!((&one["submission"]["a"], &one["submission"]["id"]), (&json!("x"), &json!(1)));
    assert_eq!(get(ERASED).await.expect_status(410).json()["type"], "/docs/errors/erased");
    for id in [INVALID, NOT_HERE] {
        let problem = get(id).await.expect_status(404).json();
        assert_eq!(problem["type"], "/docs/errors/submission-not-here");
    }
    get("x").await.expect_status(404);
    let noted =
        "SELECT client_id, relation, submission_id FROM read_audit WHERE kind = 'submission'";
    let expected = format!("all|submissions/registration|{STORED}");
    until_true("it is noted", async || reading.database.sql(noted) == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_states_of_submissions_are_those_of_form_types_in_scope() {
    let reading = with_submissions().await;
    let other = reading.known_client("other", "submissions/other", None).await;
    let ids = json!({"submission_ids": [STORED, ERASED, INVALID, NOT_HERE]}).to_string();
    let all = states(&reading, &reading.key, &ids).await.expect_status(200).json();
    let state = |id: &str, state: &str, reason: Option<&str>| {
        let form_type = if state == "not_here" { Value::Null } else { json!("registration") };
        json!({"submission_id": id, "state": state, "form_type": form_type, "reason": reason})
    };
    let expected = [
        state(STORED, "stored", None),
        state(ERASED, "erased", None),
        state(INVALID, "invalid", Some("not_json")),
        state(NOT_HERE, "not_here", None),
    ];
    assert_eq!(all["states"], json!(expected));
    let none = states(&reading, &other, &ids).await.expect_status(200).json();
    let unknown: Vec<Value> =
        [STORED, ERASED, INVALID, NOT_HERE].iter().map(|id| state(id, "not_here", None)).collect();
    assert_eq!(none["states"], json!(unknown));
    for id in [STORED, ERASED] {
        let path = format!("/api/v1/submissions/{id}");
        reading.get_as(&other, &path).await.expect_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_about_states_is_refused() {
    let reading = Reading::start().await;
    let many = json!({"submission_ids": vec![STORED; 1001]}).to_string();
    for body in [
        "",
        "[]",
        "{}",
        r#"{"submission_ids": "x"}"#,
        r#"{"submission_ids": ["x"]}"#,
        r#"{"submission_ids": [1]}"#,
        r#"{"submission_ids": [], "more": 1}"#,
        &many,
    ] {
        let refused = states(&reading, &reading.key, body).await.expect_status(400);
        assert_eq!(refused.json()["type"], "/docs/errors/bad-body", "{body}");
    }
    states(&reading, &reading.key, r#"{"submission_ids": []}"#).await.expect_status(200);
    let get = reading.get("/api/v1/submissions/states").await.expect_status(405);
    assert_eq!(get.header("Allow"), Some("POST, OPTIONS"));
}
