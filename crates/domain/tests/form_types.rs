//! What form types take, and what they say to what they do not take.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeMap;

use domain::{Encoding, Fields, FormType, FormTypes};
use serde_json::{Value, json};

fn answers(form_type: &FormType, good: &Value, changes: &[(&str, Value)]) -> String {
    let mut lines = Vec::new();
    for (name, change) in changes {
        let mut form = good.clone();
        merge(&mut form, change);
        let fields = Fields::parse(form.to_string().as_bytes(), Encoding::Json).unwrap();
        let outcome = match form_type.check(&fields) {
            Ok(()) => "good".to_owned(),
            Err(refusal) => format!("{refusal} | {}", refusal.to_json()),
        };
        lines.push(format!("{name}: {outcome}"));
    }
    lines.join("\n")
}

/// `"-"` takes a member away.
fn merge(form: &mut Value, change: &Value) {
    match (form, change) {
        (Value::Object(form), Value::Object(changes)) => {
            for (name, change) in changes {
                if change == "-" {
                    form.remove(name);
                } else {
                    merge(form.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        (form, change) => *form = change.clone(),
    }
}

#[test]
fn an_enrolment_is_checked_field_by_field() {
    let types = FormTypes::new(&["enrolment".to_owned()], &BTreeMap::new()).unwrap();
    let enrolment = types.iter().next().unwrap();
    let good = json!({
        "export_status": "YES", "company_name": "Example Limited", "company_number": "AB123456",
        "date_of_creation": "2016-02-29", "sso_id": 1, "company_email": "test@example.com",
    });
    insta::assert_snapshot!(answers(
        enrolment,
        &good,
        &[
            ("as it is", json!({})),
            (
                "unknown and optional fields",
                json!({ "referrer": "x", "mobile_number": "07", "revenue": 1.50, "more": [null] })
            ),
            (
                "nothing",
                json!({ "export_status": "-", "company_name": "-", "company_number": "-", "date_of_creation": "-", "sso_id": "-", "company_email": "-" })
            ),
            ("another status", json!({ "export_status": "canary" })),
            ("each other status", json!({ "export_status": "NOT_YET" })),
            ("an empty name", json!({ "company_name": "" })),
            ("the longest name", json!({ "company_name": "é".repeat(255) })),
            ("too long a name", json!({ "company_name": "é".repeat(256) })),
            ("a null name", json!({ "company_name": null })),
            ("a short number", json!({ "company_number": "canary" })),
            ("a number with a line break", json!({ "company_number": "AB123456\n" })),
            ("digits of another script", json!({ "company_number": "٠٠٠٠٠٠٠٠" })),
            ("no such day", json!({ "date_of_creation": "2015-02-29" })),
            ("a date and time", json!({ "date_of_creation": "2016-02-29T00:00:00Z" })),
            ("zero", json!({ "sso_id": 0 })),
            ("a fraction", json!({ "sso_id": 1.5 })),
            ("a whole fraction", json!({ "sso_id": 2.0 })),
            ("a huge id", serde_json::from_str(r#"{ "sso_id": 123456789012345678901234567890 }"#).unwrap()),
            ("text as id", json!({ "sso_id": "1" })),
            ("no address", json!({ "company_email": "canary" })),
            (
                "all at once",
                json!({ "export_status": "no", "company_name": "", "company_number": "1", "date_of_creation": "x", "sso_id": 0, "company_email": "@" })
            ),
        ]
    ));
}

#[test]
fn the_registration_in_deploy_is_checked_inside_data() {
    let text = include_str!("../../../deploy/form-types/registration.schema.json");
    let registration = FormType::from_schema("registration", text).unwrap();
    let good = json!({ "data": {
        "company_name": "Example Limited", "contact_name": "Test", "email_address1": "test@example.com",
        "email_address2": "test@example.com", "website": "example.com", "phone_number": "", "exporting": "False",
        "marketing_source": "Social media", "marketing_source_other": "", "marketing_source_bank": "", "opt_in": true,
        "agree_terms": true,
    }});
    insta::assert_snapshot!(answers(
        &registration,
        &good,
        &[
            ("as it is", json!({})),
            ("no data", json!({ "data": "-" })),
            ("null data", json!({ "data": null })),
            ("data as text", json!({ "data": "canary" })),
            ("another second address", json!({ "data": { "email_address2": "canary@example.com" } })),
            ("no second address", json!({ "data": { "email_address2": "-" } })),
            ("Other and no words", json!({ "data": { "marketing_source": "Other" } })),
            ("Other and nothing", json!({ "data": { "marketing_source": "Other", "marketing_source_other": "-" } })),
            (
                "Other with words",
                json!({ "data": { "marketing_source": "Other", "marketing_source_other": "A friend" } })
            ),
            ("no agreement", json!({ "data": { "agree_terms": false } })),
            ("perhaps exporting", json!({ "data": { "exporting": "perhaps", "opt_in": "yes" } })),
        ]
    ));
}

#[test]
fn bad_schemas_are_told_with_their_place() {
    let names: Vec<String> = ["form", "enrolment", "nowhere"].map(str::to_owned).into();
    let schemas = [
        ("cut-off", r#"{"type": "#),
        ("list", "[]"),
        ("keyword", r#"{"properties": {"a": {"type": "text"}}}"#),
        ("pattern", r#"{"properties": {"a": {"pattern": "("}}}"#),
        ("backtracking", r#"{"pattern": "(a)\\1"}"#),
        ("format", r#"{"properties": {"a": {"format": "phone"}}}"#),
        ("remote", r#"{"$ref": "https://example.com/schema.json"}"#),
        ("file", r#"{"$ref": "file:///etc/passwd"}"#),
        ("equal", r#"{"properties": {"a": {"equalTo": ["a", "b"]}}}"#),
        ("sentence", r#"{"properties": {"a": {"message": 1}}}"#),
        ("Upper", "{}"),
        ("docs", "{}"),
        (
            "good",
            r##"{"$defs": {"a": {"type": "string", "message": "Own words."}}, "properties": {"a": {"$ref": "#/$defs/a"}}}"##,
        ),
    ];
    let schemas = schemas.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let faults = FormTypes::new(&names, &BTreeMap::from(schemas)).unwrap_err();
    let faults: Vec<String> = faults.into_iter().map(|(name, fault)| format!("{name}: {fault}")).collect();
    insta::assert_snapshot!(faults.join("\n"));
}

#[test]
fn a_message_behind_a_reference_is_shown_and_names_of_the_sender_are_not_in_the_reason() {
    let schema = r##"{"$defs": {"a": {"type": "string", "message": "Own words."}},
        "properties": {"a": {"$ref": "#/$defs/a"}}, "additionalProperties": {"type": "integer"}}"##;
    let form_type = FormType::from_schema("x", schema).unwrap();
    let refusal = |text: &str| form_type.check(&Fields::from_json(text.as_bytes()).unwrap()).unwrap_err();
    assert_eq!(refusal(r#"{"a": 1}"#).to_json(), json!({ "a": ["Own words."] }));
    assert_eq!(refusal(r#"{"a": 1}"#).to_string(), "wrong_type at a");
    assert_eq!(refusal(r#"{"canary": "x"}"#).to_string(), "wrong_type");
}

#[test]
fn a_schema_of_the_operator_goes_before_the_built_in_one() {
    let strict = BTreeMap::from([("form".to_owned(), r#"{"required": ["x"]}"#.to_owned())]);
    let types = FormTypes::new(&["form".to_owned()], &strict).unwrap();
    let refusal = types.iter().next().unwrap().check(&Fields::from_json(b"{}").unwrap()).unwrap_err();
    assert_eq!(refusal.to_json(), json!({ "x": ["This field is required."] }));
}
