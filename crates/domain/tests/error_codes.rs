//! The error codes of forms, each with an example, as the reference page lists them.

use domain::{Encoding, Fields, FormType};
use serde_json::Value;

const MULTIPART: Encoding<'_> =
    Encoding::Multipart { content_type: "multipart/form-data; boundary=b" };
const JSON: Encoding<'_> = Encoding::Json;

/// Code, meaning, schema, encoding and body.
type Example = (&'static str, &'static str, &'static str, Encoding<'static>, String);

fn part(head: &str, text: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n--b--\r\n")
}

/// A value of a field that one rule checks.
fn of_rule(code: &'static str, meaning: &'static str, rule: &str, value: &str) -> Example {
    let schema: &'static str = format!(r#"{{"properties": {{"x": {rule}}}}}"#).leak();
    (code, meaning, schema, JSON, format!(r#"{{"x": {value}}}"#))
}

fn examples() -> Vec<Example> {
    let any =
        |code, meaning, encoding, body: &str| (code, meaning, "{}", encoding, body.to_owned());
    let deep = format!("{{\"x\": {}1{}}}", "[".repeat(128), "]".repeat(128));
    let latin = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\
                 Content-Type: text/plain; charset=latin1\r\n\r\n1\r\n--b--\r\n";
    let required = r#"{"required": ["x"]}"#;
    let listed = r#"{"properties": {"x": {"items": true}}}"#;
    let objects = format!(r#"{{"x": [{}0]}}"#, r#"{"":0},"#.repeat(60_000));
    let closed = r#"{"properties": {}, "additionalProperties": false}"#;
    let equal = r#"{"equalTo": [["x", "y"]]}"#;
    vec![
        any("not_json", "The body is not JSON.", JSON, "{"),
        any("not_multipart", "The body is not multipart.", MULTIPART, "--b"),
        any("not_an_object", "The body is JSON, but not an object.", JSON, "[]"),
        any("too_deep", "Arrays and objects are nested too deeply.", JSON, &deep),
        (
            "too_many_values",
            "The answer is 413: the schema would have to check too many values or objects.",
            listed,
            JSON,
            objects,
        ),
        any("null_character", "A text has a null character.", JSON, r#"{"x": "\u0000"}"#),
        any("number_too_long", "A number has too many digits.", JSON, r#"{"x": 1e1000}"#),
        any(
            "reserved_key",
            "A name is reserved for the JSON parser.",
            Encoding::UrlEncoded,
            "$serde_json::private::Number=1",
        ),
        any("file", "The form has a file.", MULTIPART, &part("name=\"x\"; filename=\"f\"", "1")),
        any("not_utf8", "A text is not UTF-8.", MULTIPART, latin),
        ("field_required", "A field is missing.", required, JSON, "{}".to_owned()),
        (
            "field_unknown",
            "The schema does not allow this field.",
            closed,
            JSON,
            r#"{"x": 1}"#.to_owned(),
        ),
        (
            "not_equal",
            "Two fields differ, see `equalTo`.",
            equal,
            JSON,
            r#"{"x": 1, "y": 2}"#.to_owned(),
        ),
        of_rule("field_null", "A field is null.", r#"{"type": "string"}"#, "null"),
        of_rule("wrong_type", "A value has another JSON type.", r#"{"type": "string"}"#, "1"),
        of_rule(
            "wrong_format",
            "A text fails `format` or `pattern`.",
            r#"{"format": "date"}"#,
            r#""x""#,
        ),
        of_rule("blank", "A text is empty.", r#"{"minLength": 1}"#, r#""""#),
        of_rule("too_short", "A text has too few characters.", r#"{"minLength": 2}"#, r#""x""#),
        of_rule("too_long", "A text has too many characters.", r#"{"maxLength": 2}"#, r#""xyz""#),
        of_rule(
            "not_a_choice",
            "A value is not one of `enum` or `const`.",
            r#"{"const": true}"#,
            "1",
        ),
        of_rule("too_small", "A number is too small.", r#"{"minimum": 1}"#, "0"),
        of_rule("too_large", "A number is too large.", r#"{"maximum": 1}"#, "2"),
        of_rule("not_a_multiple", "A number fails `multipleOf`.", r#"{"multipleOf": 2}"#, "3"),
        of_rule("too_few", "A list has too few items.", r#"{"minItems": 2}"#, "[1]"),
        of_rule("too_many", "A list has too many items.", r#"{"maxItems": 1}"#, "[1, 2]"),
        of_rule(
            "repeated",
            "A list has the same item twice.",
            r#"{"uniqueItems": true}"#,
            "[1, 1]",
        ),
        of_rule("not_allowed", "The schema forbids this value.", "false", "1"),
        of_rule(
            "not_valid",
            "Any other rule fails; use `message` to say more.",
            r#"{"not": {}}"#,
            "1",
        ),
    ]
}

/// The first sentence in an answer.
fn sentence(answer: &Value) -> Option<&str> {
    match answer {
        Value::String(text) => Some(text),
        Value::Array(items) => items.iter().find_map(sentence),
        Value::Object(members) => members.values().find_map(sentence),
        _ => None,
    }
}

#[test]
fn the_reference_lists_the_error_codes_of_forms() {
    let mut table = "| code | meaning | example of the sentence |\n|---|---|---|\n".to_owned();
    for (code, meaning, schema, encoding, body) in examples() {
        let form_type = FormType::from_schema("x", schema).unwrap();
        let checked =
            Fields::parse(body.as_bytes(), encoding).and_then(|fields| form_type.check(&fields));
        let refusal = checked.expect_err(code);
        assert_eq!(refusal.code(), code, "{body}");
        let answer = refusal.to_json();
        table += &format!("| `{code}` | {meaning} | {} |\n", sentence(&answer).unwrap());
    }
    test_kit::reference::check("form-type-schemas.md", "codes", &table);
}

#[test]
fn every_code_in_the_source_has_an_example() {
    let sources = [
        include_str!("../src/limits.rs"),
        include_str!("../src/multipart.rs"),
        include_str!("../src/refusal.rs"),
        include_str!("../src/schema/sentences.rs"),
    ];
    let literal = regex::Regex::new(r#""([a-z0-9]+(?:_[a-z0-9]+)+)""#).unwrap();
    for code in sources.iter().flat_map(|source| literal.captures_iter(source)) {
        let code = &code[1];
        let is_listed = examples().iter().any(|(listed, ..)| *listed == code);
        assert!(is_listed || code == "non_field_errors", "{code} is not in the table of codes");
    }
}
