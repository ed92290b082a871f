//! The schemas of the document. The names of schemas of answers begin with a capital, so that no
//! form type has them.

use domain::FormTypes;
use serde_json::{Map, Value, json};

/// The schemas of the form types and of the answers, by name.
pub fn all(form_types: &FormTypes) -> Value {
    let mut schemas = of_answers();
    for form_type in form_types.iter() {
        let mut schema = form_type.schema().clone();
        move_references(&mut schema, &format!("#/components/schemas/{}", form_type.name()));
        schemas.insert(form_type.name().to_owned(), schema);
    }
    Value::Object(schemas)
}

fn of_answers() -> Map<String, Value> {
    let text_by_name = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let sentences = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    [
        ("Accepted", json!({
            "type": "object",
            "required": ["id"],
            "properties": { "id": { "type": "string", "format": "uuid" }, "data": { "description": "The field `data` of the request, unchanged." } },
            "additionalProperties": false
        })),
        ("Alive", json!({ "type": "object", "properties": { "status": { "const": "OK" } }, "required": ["status"] })),
        ("Detail", json!({
            "type": "object",
            "required": ["detail"],
            "properties": { "detail": { "type": "string" } },
            "additionalProperties": false
        })),
        ("FieldErrors", json!({
            "description": "Sentences by field, nested like the fields. `non_field_errors` are about the whole form, object or list.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "anyOf": [sentences, { "$ref": "#/components/schemas/FieldErrors" }] }
        })),
        ("IdempotencyKey", json!({ "type": "string", "pattern": "^[!-~]{1,255}$" })),
        ("Index", text_by_name),
        ("NotSigned", json!({ "const": "PFO" })),
        ("Readiness", json!({
            "description": "The state of each dependency by its name: `OK`, or a description of the problem.",
            "type": "object",
            "required": ["status"],
            "properties": { "status": { "enum": ["OK", "not ready"] } },
            "additionalProperties": { "type": "string" }
        })),
        ("InvalidForm", json!({ "anyOf": [
            { "$ref": "#/components/schemas/FieldErrors" },
            { "$ref": "#/components/schemas/Detail" }
        ] })),
        ("Schema", json!({ "type": "object" })),
        ("Seconds", json!({ "type": "integer", "minimum": 1 })),
        (
            "Status",
            json!({
                "type": "object",
                "required": ["status", "version", "git_commit", "build_time"],
                "properties": { "status": { "enum": ["ok", "not ready"] } },
                "additionalProperties": { "type": "string" }
            }),
        ),
        ("Text", json!({ "type": "string" })),
        ("TraceParent", json!({ "type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" })),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into_iter()
    .collect()
}

/// A reference starts at the root of the form type's own schema. In the document that root is at
/// `place`.
fn move_references(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(members) => {
            for (keyword, value) in members {
                match value {
                    Value::String(reference) if keyword == "$ref" => {
                        if let Some(from_root) = reference.strip_prefix('#') {
                            *reference = format!("{place}{from_root}");
                        }
                    }
                    _ => move_references(value, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
