//! Schemas with mistakes.

use std::collections::BTreeMap;

use domain::FormTypes;

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
