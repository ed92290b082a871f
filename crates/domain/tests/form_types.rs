//! Form types: which forms they accept, and their sentences about the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

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

/// The change `"-"` removes a member.
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
            (
                "a huge id",
                serde_json::from_str(r#"{ "sso_id": 123456789012345678901234567890 }"#).unwrap()
            ),
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
            (
                "another second address",
                json!({ "data": { "email_address2": "canary@example.com" } })
            ),
            ("no second address", json!({ "data": { "email_address2": "-" } })),
            ("Other and no words", json!({ "data": { "marketing_source": "Other" } })),
            (
                "Other and nothing",
                json!({ "data": { "marketing_source": "Other", "marketing_source_other": "-" } })
            ),
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
fn mistakes_in_schemas_are_reported_with_their_place() {
    let names: Vec<String> = ["form", "enrolment", "nowhere"].map(str::to_owned).into();
    let schemas = [
        ("cut-off", r#"{"type": "#),
        ("list", "[]"),
        ("keyword", r#"{"properties": {"a": {"type": "text"}}}"#),
        ("pattern", r#"{"properties": {"a": {"pattern": "("}}}"#),
        ("backtracking", r#"{"pattern": "(a)\\1"}"#),
        ("format", r#"{"properties": {"a": {"format": "phone"}}}"#),
        ("no-such-type", r#"{"properties": {"a": {"type": ["string", 1]}}}"#),
        ("no-object", r#"{"type": ["array", "null"]}"#),
        ("no-words", r#"{"properties": {"a": {"message": " "}}}"#),
        ("other-dialect", r#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#),
        ("misspelt", r#"{"propertys": {"a": {"type": "string"}}}"#),
        ("misspelt-inside", r#"{"properties": {"a": {"items": {"anyOf": [{"mesage": "x"}]}}}}"#),
        ("misspelt-behind-if", r#"{"if": {}, "then": {"requierd": ["a"]}}"#),
        ("misspelt-definition", r#"{"$defs": {"a": {"minLenght": 1}}}"#),
        ("pattern-of-names", r#"{"patternProperties": {"[a": {}}}"#),
        ("look-around", r#"{"properties": {"a": {"pattern": "(?=a)b"}}}"#),
        (
            "dangling",
            r##"{"properties": {"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/$defs/b"}}, "$defs": {"a": {}}}"##,
        ),
        ("no-anchor", r##"{"properties": {"a": {"items": {"$ref": "#a"}}}}"##),
        ("other-file", r#"{"properties": {"a": {"$ref": "other.schema.json#/$defs/a"}}}"#),
        (
            "equal-unknown",
            r#"{"properties": {"a": {}, "b": {}}, "equalTo": [["a", "b"], ["a", "c"]]}"#,
        ),
        ("equal-to-itself", r#"{"properties": {"a": {}}, "equalTo": [["a", "a"]]}"#),
        ("remote", r#"{"$ref": "https://example.com/schema.json"}"#),
        ("file", r#"{"$ref": "file:///etc/passwd"}"#),
        ("equal", r#"{"properties": {"a": {"equalTo": ["a", "b"]}}}"#),
        ("sentence", r#"{"properties": {"a": {"message": 1}}}"#),
        ("Upper", "{}"),
        ("docs", "{}"),
        ("byte-order-mark", "\u{feff}{}"),
        (
            "every-keyword",
            r##"{"$schema": "https://json-schema.org/draft/2020-12/schema#", "$id": "https://example.com/x", "$comment": "x",
            "$defs": {"type": {"$anchor": "a"}}, "definitions": {"b": true}, "type": ["object", "null"], "x-ours": {"typo": 1},
            "title": "x", "description": "x", "default": {"typo": 1}, "examples": [{"typo": 1}], "deprecated": false,
            "readOnly": false, "writeOnly": false, "const": {"typo": 1}, "enum": [{"typo": 1}], "minProperties": 0,
            "maxProperties": 9, "required": [], "dependentRequired": {"typo": ["a"]}, "patternProperties": {"typo": {}},
            "dependentSchemas": {"typo": {}}, "dependencies": {"typo": ["a"], "b": {}}, "properties": {"typo": {
                "contains": {}, "minContains": 1, "maxContains": 2, "minItems": 1, "maxItems": 2, "uniqueItems": true,
                "prefixItems": [true], "items": {}, "unevaluatedItems": false, "multipleOf": 1, "minimum": 1, "maximum": 2,
                "exclusiveMinimum": 0, "exclusiveMaximum": 3, "minLength": 1, "maxLength": 2, "pattern": "^a$",
                "format": "date", "contentEncoding": "base64", "contentMediaType": "text/plain", "contentSchema": {},
                "$ref": "#a", "message": "x"}},
            "additionalProperties": {}, "propertyNames": {}, "unevaluatedProperties": {}, "if": {}, "then": {}, "else": {},
            "allOf": [{}], "anyOf": [{}], "oneOf": [{}], "not": {"$dynamicRef": "#d", "$dynamicAnchor": "d"},
            "equalTo": []}"##,
        ),
        (
            "good",
            r##"{"$defs": {"a": {"type": "string", "message": "Own words."}}, "properties": {"a": {"$ref": "#/$defs/a"}}}"##,
        ),
    ];
    let schemas = schemas.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let faults = FormTypes::new(&names, &BTreeMap::from(schemas)).unwrap_err();
    let faults: Vec<String> =
        faults.into_iter().map(|(name, fault)| format!("{name}: {fault}")).collect();
    insta::assert_snapshot!(faults.join("\n"));
}

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
fn the_example_in_the_documentation_works() {
    let document = include_str!("../../../docs/how-to/add-a-form-type.md");
    let blocks = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let [schema, good, bad, errors] = blocks.collect::<Vec<_>>().try_into().unwrap();
    let form_type = FormType::from_schema("event-booking", schema).unwrap();
    let check = |form: &str| form_type.check(&Fields::from_json(form.as_bytes()).unwrap());
    assert_eq!(check(good), Ok(()));
    assert_eq!(check(bad).unwrap_err().to_json(), serde_json::from_str::<Value>(errors).unwrap());
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

#[test]
fn an_operators_schema_replaces_the_built_in_one() {
    let strict = BTreeMap::from([("form".to_owned(), r#"{"required": ["x"]}"#.to_owned())]);
    let types = FormTypes::new(&["form".to_owned()], &strict).unwrap();
    let refusal =
        types.iter().next().unwrap().check(&Fields::from_json(b"{}").unwrap()).unwrap_err();
    assert_eq!(refusal.to_json(), json!({ "x": ["This field is required."] }));
    assert!(types.iter().next().unwrap().replaces_built_in());
    assert!(!FormType::form().replaces_built_in());
    assert!(!FormType::from_schema("other", "{}").unwrap().replaces_built_in());
}

#[test]
fn a_list_in_the_schema_gets_all_values_of_a_repeated_name() {
    let schema = r#"{"properties": {
        "data": {"type": ["array", "string"]},
        "interests": {"type": "array", "items": {"type": "string", "minLength": 1}}
    }}"#;
    let form_type = FormType::from_schema("form", schema).unwrap();
    let multipart = Encoding::Multipart { content_type: "multipart/form-data; boundary=b" };
    let part = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let cases = [
        (
            "x=1&x=2&interests=b&data=1&interests=a&data=2",
            r#"{"data":"2","interests":["b","a"],"x":"2"}"#,
        ),
        ("interests=a", r#"{"interests":["a"]}"#),
        ("interests=a&interests=a", r#"{"interests":["a","a"]}"#),
        ("data=1", r#"{"data":"1"}"#),
    ];
    for (pairs, expected) in cases {
        let fields = form_type.parse(pairs.as_bytes(), Encoding::UrlEncoded).unwrap();
        assert_eq!(fields.as_json(), expected, "{pairs}");
        let parts = format!("{}--b--\r\n", pairs.split('&').map(part).collect::<String>());
        let fields = form_type.parse(parts.as_bytes(), multipart).unwrap();
        assert_eq!(fields.as_json(), expected, "{pairs} in parts");
    }
    for (pairs, reason) in
        [("interests=a&interests=", "blank at interests.1"), ("interests=%00", "null_character")]
    {
        let refusal = form_type.parse(pairs.as_bytes(), Encoding::UrlEncoded).unwrap_err();
        assert_eq!(refusal.to_string(), reason);
    }
}
