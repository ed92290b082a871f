//! The sentences of faults.

use domain::{Encoding, Fields, FormType};
use serde_json::{Value, json};

use crate::answers::answers;

#[test]
fn every_keyword_has_a_sentence() {
    let tests = [
        (json!({ "minProperties": 1 }), json!({})),
        (json!({ "maxProperties": 2 }), json!([1, 2])),
        (json!({ "maxProperties": 2 }), json!({ "a": 1, "b": 2, "canary": 3 })),
        (json!({ "propertyNames": { "maxLength": 3 } }), json!({ "abc": 1, "canary": 2 })),
        (
            json!({ "propertyNames": { "pattern": "^a", "message": "Own words." } }),
            json!({ "canary": 2 }),
        ),
        (json!({ "contains": { "const": 1 } }), json!([2])),
        (json!({ "contains": { "const": 1 }, "minContains": 2 }), json!([1])),
        (json!({ "contains": { "const": 1 }, "maxContains": 1 }), json!([1, 1])),
        (json!({ "not": { "const": "canary" } }), json!("canary")),
        (json!({ "anyOf": [{ "type": "string" }, { "minimum": 1 }] }), json!(0)),
        (
            json!({ "anyOf": [{ "type": "string" }, { "type": "number", "minimum": 1 }] }),
            json!(null),
        ),
        (json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }), json!(true)),
        (json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }), json!(null)),
        (json!({ "oneOf": [{ "type": "string" }, { "maxLength": 9 }] }), json!("canary")),
        (json!({ "oneOf": [{ "type": "string" }], "message": "Own words." }), json!(1)),
        (json!({ "enum": ["True", "False", 1, null] }), json!(true)),
        (json!({ "const": "True" }), json!(true)),
        (json!({ "const": true }), json!("True")),
        (json!({ "minItems": 1 }), json!([])),
        (json!({ "minItems": 2, "maxItems": 2 }), json!([1])),
        (json!({ "maxItems": 1 }), json!(["canary", 2])),
        (json!({ "minLength": 2 }), json!("c")),
        (json!({ "maxLength": 1 }), json!("canary")),
        (json!({ "prefixItems": [true], "items": false }), json!([1, "canary"])),
        (json!({ "prefixItems": [true], "unevaluatedItems": false }), json!([1, "canary"])),
        (json!({ "properties": { "a": false } }), json!({ "a": "canary" })),
        (
            json!({ "properties": { "a": {} }, "additionalProperties": false }),
            json!({ "canary": 1 }),
        ),
        (
            json!({ "properties": { "a": {} }, "unevaluatedProperties": false }),
            json!({ "canary": 1 }),
        ),
        (json!({ "required": ["a", "b"], "equalTo": [["a", "b"]] }), json!({ "a": "canary" })),
        (json!({ "required": ["a", "b"], "equalTo": [["a", "b"]] }), json!({ "b": "canary" })),
        (json!({ "equalTo": [["a", "b"]] }), json!({ "a": "canary" })),
        (json!({ "equalTo": [["a", "b"]] }), json!({ "a": "canary", "b": "other" })),
        (json!({ "dependencies": { "a": ["b"] } }), json!({ "a": "canary" })),
        (json!({ "format": "date" }), json!("2026-02-30")),
        (json!({ "format": "date-time" }), json!("canary")),
        (json!({ "format": "duration" }), json!("canary")),
        (json!({ "format": "hostname" }), json!("canary!")),
        (json!({ "format": "email" }), json!("canary")),
        (json!({ "format": "ipv4" }), json!("canary")),
        (json!({ "format": "ipv6" }), json!("canary")),
        (json!({ "format": "iri" }), json!("canary")),
        (json!({ "format": "iri-reference" }), json!("\\canary")),
        (json!({ "format": "json-pointer" }), json!("canary")),
        (json!({ "format": "regex" }), json!("(canary")),
        (json!({ "format": "relative-json-pointer" }), json!("canary")),
        (json!({ "format": "time" }), json!("canary")),
        (json!({ "format": "uri" }), json!("canary")),
        (json!({ "format": "uri-reference" }), json!("\\canary")),
        (json!({ "format": "uri-template" }), json!("{canary")),
        (json!({ "format": "uuid" }), json!("canary")),
    ];
    let lines = tests.map(|(rule, value)| {
        let schema = json!({ "properties": { "x": rule } }).to_string();
        let form_type = FormType::from_schema("x", &schema).unwrap();
        format!(
            "{rule}: {}",
            answers(&form_type, &json!({}), &[("", json!({ "x": value }))])
                .trim_start_matches(": ")
        )
    });
    let all = lines.join("\n");
    assert!(
        !all.replace(r#"{"not":{"const":"canary"}}"#, "").contains("| {\"x\":[\"canary"),
        "{all}"
    );
    insta::assert_snapshot!(all);
}

#[test]
fn an_answer_reports_at_most_a_hundred_errors() {
    let schema =
        r#"{"additionalProperties": false, "properties": {"x": {"items": {"type": "integer"}}}}"#;
    let form_type = FormType::from_schema("x", schema).unwrap();
    let sentences = |form: Value| {
        let fields = Fields::parse(form.to_string().as_bytes(), Encoding::Json);
        let answer = fields.and_then(|fields| form_type.check(&fields)).unwrap_err().to_json();
        let reported = answer.to_string().matches("[\"").count();
        (reported, answer["non_field_errors"].clone())
    };
    let more = json!(["There are more errors."]);
    assert_eq!(sentences(json!({ "x": vec!["canary"; 100] })), (100, Value::Null));
    assert_eq!(sentences(json!({ "x": vec!["canary"; 101] })), (101, more.clone()));
    assert_eq!(sentences(json!({ "x": vec!["canary"; 3000] })), (101, more.clone()));
    let fields = |value: Value| {
        (0..3000).map(|number| (number.to_string(), value.clone())).collect::<Value>()
    };
    assert_eq!(sentences(fields(json!(1))), (101, more.clone()));
    assert_eq!(sentences(fields(json!("\0"))), (101, more));
}

#[test]
fn a_message_behind_a_reference_is_shown_and_the_senders_names_are_not_in_the_reason() {
    let schema = r##"{"$defs": {"a": {"type": "string", "message": "Own words."}},
        "properties": {"a": {"$ref": "#/$defs/a"}}, "additionalProperties": {"type": "integer"}}"##;
    let form_type = FormType::from_schema("x", schema).unwrap();
    let refusal =
        |text: &str| form_type.check(&Fields::from_json(text.as_bytes()).unwrap()).unwrap_err();
    assert_eq!(refusal(r#"{"a": 1}"#).to_json(), json!({ "a": ["Own words."] }));
    assert_eq!(refusal(r#"{"a": 1}"#).to_string(), "wrong_type at a");
    assert_eq!(refusal(r#"{"canary": "x"}"#).to_string(), "wrong_type");
}
