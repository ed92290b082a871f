//! The schemas of the document.

use serde_json::{Map, Value, json};

/// Of bodies and answers, by name.
pub fn all() -> Value {
    let text = json!({ "type": "string" });
    let some_text = json!({ "type": ["string", "null"] });
    let count = json!({ "type": "integer", "minimum": 0 });
    let some_id = json!({ "type": ["integer", "null"] });
    let time = json!({ "type": "string", "format": "date-time" });
    let next = json!({ "type": ["string", "null"], "description": "The address of the next page, to be used and signed as it is." });
    let last_id = json!({ "type": "integer", "description": "Up to this key the page has looked; a follower goes on with `after=<last_id>`." });
    json!({
        "Relations": object(json!({
            "relations": list(object(json!({ "schema": text, "table": text, "structure": text, "data": text }))),
        })),
        "Structure": object(json!({
            "columns": list(object(json!({
                "name": text,
                "type": { "type": "string", "pattern": "^(TEXT|INTEGER|BIGINT|NUMERIC|FLOAT|BOOLEAN|DATE|TIMESTAMP WITHOUT TIME ZONE)(\\[\\])?$" },
                "pg_type": text, "nullable": { "type": "boolean" }, "description": some_text,
            }))),
        })),
        "Page": { "oneOf": [
            object(json!({ "headers": list(text.clone()), "last_id": last_id, "next": next, "values": list(json!({ "type": "array" })) })),
            object(json!({ "last_id": last_id, "next": next, "results": list(json!({ "type": "object" })) })),
        ] },
        "Form": form(),
        "Ids": object(json!({
            "submission_ids": { "type": "array", "items": { "type": "string", "format": "uuid" }, "maxItems": 1000 },
        })),
        "Submission": object(json!({ "form_type": text, "submission": { "type": "object" } })),
        "States": object(json!({
            "states": list(object(json!({
                "submission_id": { "type": "string", "format": "uuid" },
                "state": {
                    "enum": ["stored", "invalid", "erased", "not_here"],
                    "description": "`not_here`: still in the queue, never accepted, or of a form type that the client may not read.",
                },
                "form_type": some_text,
                "reason": { "type": ["string", "null"], "description": "Why it is invalid." },
            }))),
        })),
        "Export": object(json!({
            "id": { "type": "string", "format": "uuid" }, "relation": text,
            "format": { "enum": ["csv", "jsonl", "parquet", "xlsx"] },
            "state": {
                "enum": ["running", "complete", "broken"],
                "description": "An export that gives no sign of life for 15 seconds is broken.",
            },
            "rows": count, "bytes": count,
            "sha256": { "type": ["string", "null"], "pattern": "^[0-9a-f]{64}$", "description": "Of the bytes before any content encoding." },
            "first_id": some_id, "last_id": some_id,
            "bound": { "type": ["integer", "null"], "description": "Rows with a larger key were not looked at." },
            "filters": list(object(json!({ "column": text, "operator": text }))),
            "columns": list(object(json!({ "name": text, "type": text, "description": some_text, "zone": some_text }))),
            "guarded_cells": count, "started_at": time,
            "ended_at": { "type": ["string", "null"], "format": "date-time" },
        })),
        "Problem": object(json!({
            "type": { "type": "string", "description": "The address of a page about it." },
            "title": text, "status": { "type": "integer" }, "detail": text,
            "error": { "type": "string", "description": "The same as `detail`, for clients of the old data store." },
        })),
        "Alive": { "type": "object", "required": ["status"], "properties": { "status": { "const": "OK" } } },
        "Readiness": {
            "type": "object", "required": ["status"],
            "properties": { "status": { "enum": ["OK", "not ready"] } },
            "additionalProperties": { "type": "string" },
        },
        "Status": {
            "type": "object", "required": ["status", "version", "git_commit", "build_time"],
            "properties": { "status": { "enum": ["ok", "not ready"] } },
        },
    })
}

/// The parameters of pages and streams, by name, without the filters.
pub fn parameters() -> Map<String, Value> {
    let key = |about: &str| json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX, "description": about });
    let words = |words: &[&str], about: &str| json!({ "enum": words, "description": about });
    let text = |about: &str| json!({ "type": "string", "minLength": 1, "description": about });
    [
        ("format", words(&["json", "csv", "jsonl", "parquet", "xlsx"], "`json` is pages, all others are streams. It wins over `Accept`.")),
        ("orientation", words(&["tabular", "records"], "Of pages: rows as lists, or as objects.")),
        ("next-id", key("Of pages: the first key, as in `next`.")),
        ("after", key("Rows with a larger key; not together with `next-id`.")),
        ("limit", json!({ "type": "integer", "minimum": 1, "maximum": 10_000, "description": "The most rows: up to 10,000 on a page (default 1,000), without a maximum in a stream." })),
        ("columns", text("The names of the columns, with commas between them; a name may stand in quotation marks.")),
        ("wait", json!({ "type": "integer", "minimum": 0, "maximum": 30, "description": "Of pages: how many seconds to wait for a row if there is none." })),
        ("tz", text("The time zone in which times are written and read, such as Europe/London. Default: UTC.")),
        ("numbers", words(&["text", "double"], "`text`: numbers as strings in JSON. `double`: numeric as doubles in Parquet.")),
        ("version", json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX, "description": "Of datasets: the version; `next` has it." })),
        ("bom", words(&["on", "off"], "Of CSV: begin with a byte order mark.")),
        ("formulas", words(&["guarded", "raw"], "Of CSV: whether text that a spreadsheet would run gets an apostrophe.")),
        ("delimiter", words(&["comma", "semicolon", "tab", "pipe"], "Of CSV: what stands between cells.")),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into_iter()
    .collect()
}

fn form() -> Value {
    json!({ "type": "object", "properties": parameters(), "additionalProperties": { "type": "string" } })
}

/// An object with exactly these members.
fn object(properties: Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({
        "type": "object", "required": names, "properties": properties, "additionalProperties": false,
    })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_lists_every_parameter() {
        let mut table = "| parameter | values | |\n|---|---|---|\n".to_owned();
        for (name, schema) in parameters() {
            let words = schema["enum"].as_array().into_iter().flatten();
            let words: Vec<String> =
                words.map(|word| format!("`{}`", word.as_str().unwrap())).collect();
            let values = match schema["type"].as_str() {
                Some("integer") => "a whole number".to_owned(),
                Some(_) => "text".to_owned(),
                None => words.join(", "),
            };
            let about = schema["description"].as_str().unwrap();
            table.push_str(&format!("| `{name}` | {values} | {about} |\n"));
        }
        test_kit::reference::check("read-api.md", "parameters", &table);
    }
}
