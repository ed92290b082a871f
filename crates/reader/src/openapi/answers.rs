//! The answers of the routes, with their headers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::refusal::{ALL, Reason};

/// An answer 200 of JSON with this schema.
pub fn ok(schema: &str) -> Value {
    json!({
        "description": "It is here.",
        "headers": with_request_id(json!({})),
        "content": { "application/json": content(schema) },
    })
}

/// A page, or a stream.
pub fn rows() -> Value {
    let file =
        json!({ "schema": { "type": "string", "contentMediaType": "application/octet-stream" } });
    json!({
        "description": "A page, or a stream with an `Export-Id`, whose proof is `/api/v1/exports/{export_id}`.",
        "headers": with_request_id(json!({
            "ETag": header(false, "Of a page that was not waited for: for `If-None-Match`.", json!({ "type": "string", "pattern": "^W/\"[0-9a-f]{32}\"$" })),
            "Link": header(false, "Of a page: the next one.", json!({ "type": "string", "pattern": "^<.+>; rel=\"next\"$" })),
            "Export-Id": header(false, "Of a stream.", json!({ "type": "string", "format": "uuid" })),
            "Content-Disposition": header(false, "Of a stream: a name for the file.", json!({ "type": "string" })),
            "Formula-Guard": header(false, "Of CSV whose formulas got an apostrophe.", json!({ "const": "on" })),
        })),
        "content": {
            "application/json": content("Page"),
            "text/csv": { "schema": { "type": "string" } },
            "application/jsonl": { "schema": { "type": "string" } },
            "application/vnd.apache.parquet": file,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": file,
        },
    })
}

pub fn not_modified() -> Value {
    let tag = header(true, "That of the page.", json!({ "type": "string" }));
    json!({
        "description": "The page is as the client has it.",
        "headers": with_request_id(json!({ "ETag": tag })),
    })
}

/// For people.
pub fn page_about_error() -> Value {
    json!({
        "description": "What it means and what to do.",
        "headers": with_request_id(json!({})),
        "content": { "text/plain": { "schema": { "type": "string" } } },
    })
}

pub fn content(schema: &str) -> Value {
    json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } })
}

/// A refusal for each status, with its reasons.
pub fn refusals() -> Map<String, Value> {
    let described = by_status().into_iter().map(|(status, reasons)| {
        let reasons: String = reasons
            .iter()
            .map(|reason| format!("\n- `{}`: {}", reason.code, reason.when))
            .collect();
        let answer = json!({
            "description": format!("One of:\n{reasons}"),
            "headers": with_request_id(of_refusal(&status)),
            "content": { "application/problem+json": content("Problem") },
        });
        (status, answer)
    });
    described.collect()
}

/// The reasons for refusals, by status.
pub fn by_status() -> BTreeMap<String, Vec<&'static Reason>> {
    let mut by_status: BTreeMap<String, Vec<&'static Reason>> = BTreeMap::new();
    for reason in ALL {
        by_status.entry(reason.status.as_u16().to_string()).or_default().push(reason);
    }
    by_status
}

fn of_refusal(status: &str) -> Value {
    let text = json!({ "type": "string" });
    match status {
        "401" => {
            let about = "One line for each scheme that is on. That of Hawk has the time of the reader if only the clock of the client is wrong.";
            json!({ "WWW-Authenticate": header(true, about, text) })
        }
        "405" => json!({ "Allow": header(true, "The methods of the route.", text) }),
        "429" | "503" => {
            let seconds = json!({ "type": "integer", "minimum": 1 });
            json!({ "Retry-After": header(true, "Seconds.", seconds) })
        }
        _ => json!({}),
    }
}

fn with_request_id(mut headers: Value) -> Value {
    let about = "The `traceparent` of this request: search the logs for it.";
    let schema =
        json!({ "type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" });
    if let Some(headers) = headers.as_object_mut() {
        headers.insert("X-Request-Id".to_owned(), header(true, about, schema));
    }
    headers
}

fn header(required: bool, about: &str, schema: Value) -> Value {
    json!({ "description": about, "required": required, "schema": schema })
}
