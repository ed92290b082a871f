//! The properties that a schema has, and the type of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use domain::{FormType, Property, PropertyType};

fn properties(schema: &str) -> Vec<Property> {
    FormType::from_schema("test", schema).unwrap().properties().to_vec()
}

fn types(schema: &str) -> Vec<(String, PropertyType)> {
    let all = properties(schema).into_iter();
    all.map(|property| (property.name, property.property_type)).collect()
}

/// The type of the property `p` in a schema whose other keywords are these.
#[track_caller]
fn assert_type(keywords: &str, expected: PropertyType) {
    let all = types(&format!(r#"{{"type": "object", {keywords}}}"#));
    assert_eq!(all, [("p".to_owned(), expected)], "{keywords}");
}

#[test]
fn properties_are_in_the_order_of_the_document() {
    let schema = r#"{
        "allOf": [{"properties": {"zebra": true}}],
        "title": "a title",
        "properties": {"title": {}, "b": {"properties": {"inner": {}}}, "a": {}, "": {}}
    }"#;
    let names: Vec<String> = types(schema).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["zebra", "title", "b", "a", ""]);
}

#[test]
fn a_property_has_the_type_that_its_schema_says() {
    use PropertyType::{Boolean, Date, DateTime, Integer, Json, Number, Text};
    for (schema, expected) in [
        (r#"{"type": "string"}"#, Text),
        (r#"{"type": ["string", "null"]}"#, Text),
        (r#"{"type": "string", "format": "email"}"#, Text),
        (r#"{"type": "string", "format": "date"}"#, Date),
        (r#"{"type": "string", "format": "date-time"}"#, DateTime),
        (r#"{"type": "integer"}"#, Integer),
        (r#"{"type": "integer", "maximum": 9223372036854775807}"#, Integer),
        (r#"{"type": "integer", "maximum": 9223372036854775808}"#, Number),
        (r#"{"type": "integer", "minimum": 0.5}"#, Integer),
        (r#"{"type": "number"}"#, Number),
        (r#"{"type": ["integer", "number"]}"#, Number),
        (r#"{"type": "boolean"}"#, Boolean),
        (r#"{"type": "array"}"#, Json),
        (r#"{"type": "object"}"#, Json),
        (r#"{"type": "null"}"#, Json),
        (r#"{"type": ["string", "integer"]}"#, Json),
        (r#"{"enum": ["a", "b", null]}"#, Text),
        (r#"{"enum": ["a", 1]}"#, Json),
        (r#"{"const": 12}"#, Integer),
        (r#"{"const": 1.5}"#, Number),
        (r#"{"const": true}"#, Boolean),
        (r#"{"minLength": 1}"#, Json),
        ("{}", Json),
        ("true", Json),
        (r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#, Text),
        (r#"{"oneOf": [{"type": "string"}, {"type": "boolean"}]}"#, Json),
        (r#"{"allOf": [{"type": "string"}, {"maxLength": 3}]}"#, Text),
    ] {
        assert_type(&format!(r#""properties": {{"p": {schema}}}"#), expected);
    }
}

#[test]
fn the_type_is_the_one_on_which_all_places_agree() {
    use PropertyType::{Date, Json, Text};
    for (keywords, expected) in [
        (
            r##""$ref": "#/$defs/base", "$defs": {"base": {"properties": {"p": {"type": "string"}}}}"##,
            Text,
        ),
        (
            r#""anyOf": [{"properties": {"p": {"type": "string"}}}, {"properties": {"p": {"type": "boolean"}}}]"#,
            Json,
        ),
        (
            r#""oneOf": [{"properties": {"p": {"const": "a"}}}, {"properties": {"p": {"const": "b"}}}]"#,
            Text,
        ),
        (
            r#""properties": {"p": {"type": "string", "format": "date"}},
               "if": {"properties": {"p": {"minLength": 1}}}, "then": {"properties": {"p": {}}}"#,
            Date,
        ),
        (
            r#""properties": {"p": {"type": "string", "format": "date"}},
               "else": {"properties": {"p": {"type": "string"}}}"#,
            Text,
        ),
        (r#""dependentSchemas": {"q": {"properties": {"p": {"type": "string"}}}}"#, Text),
    ] {
        assert_type(keywords, expected);
    }
}

#[test]
fn a_schema_may_refer_to_itself() {
    let schema = r##"{"properties": {"child": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]}"##;
    assert_eq!(types(schema), [("child".to_owned(), PropertyType::Json)]);
}

#[test]
fn titles_and_descriptions_are_the_first_of_their_property() {
    let schema = r#"{
        "properties": {"p": {"description": "The first."}},
        "allOf": [{"properties": {"p": {"title": "A title", "description": "The second."}}}]
    }"#;
    let [property] = &properties(schema)[..] else { panic!("one property") };
    assert_eq!(property.title.as_deref(), Some("A title"));
    assert_eq!(property.description.as_deref(), Some("The first."));
}
