//! The OpenAPI 3.1 document: every route and every answer.

mod answers;
mod schemas;

use serde_json::{Map, Value, json};

use self::answers::{by_status, not_modified, ok, page_about_error, refusals, rows};
use crate::{
    refusal::ALL,
    settings::{AccessSettings, Scheme},
};

const ABOUT: &str = "Gives published relations to services, pipelines and analysts: page by page as JSON, or as a stream of CSV, JSON Lines, Parquet or XLSX.

Rows come in the order of their key. A client that goes on with `after=<last_id>` of each page gets every row once.

Every column is also a parameter, in the grammar of PostgREST: `company_number=eq.00000042`, or, always safe, `column.company_number=eq.00000042`. Operators are eq, neq, lt, lte, gt, gte, like, ilike, is and in.(a,\"b,c\"), with `not.` before any of them; `*` stands for `%`. Several filters must all hold.";

/// The document for these settings.
pub fn document(access: &AccessSettings) -> Value {
    let schemes = security_schemes(&access.schemes);
    let each: Vec<Value> = schemes.keys().map(|name| json!({ name: [] })).collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "directory-form-data reader",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
        },
        "paths": paths(),
        "components": {
            "schemas": schemas::all(),
            "responses": refusals(),
            "securitySchemes": schemes,
        },
        "security": each,
    });
    let servers: Vec<Value> =
        access.origins.iter().map(|origin| json!({ "url": origin.text })).collect();
    if let (false, Some(members)) = (servers.is_empty(), document.as_object_mut()) {
        members.insert("servers".to_owned(), servers.into());
    }
    document
}

fn security_schemes(schemes: &[Scheme]) -> Map<String, Value> {
    let described = schemes.iter().map(|scheme| {
        let described = match scheme {
            Scheme::Hawk => json!({
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "[Hawk](https://github.com/mozilla/hawk) with sha256, signed with the client's key. Every answer has `Server-Authorization`.",
            }),
            Scheme::Bearer => json!({
                "type": "http", "scheme": "bearer", "description": "The client's key.",
            }),
            Scheme::Basic => json!({
                "type": "http", "scheme": "basic",
                "description": "The client's id as the name, and its key as the password.",
            }),
        };
        (scheme.name().to_owned(), described)
    });
    described.collect()
}

fn paths() -> Value {
    let relation = [path("schema"), path("table")];
    let data = |parameters: Vec<Value>| [relation.to_vec(), parameters].concat();
    json!({
        "/api/v1/relations": {
            "get": asked("relations", "What this client may read", &[], ok("Relations")),
        },
        "/api/v1/table-structure/{schema}/{table}": {
            "get": asked("structure", "The columns of a relation", &relation, ok("Structure")),
        },
        "/api/v1/table-data/{schema}/{table}": {
            "get": asked("rows", "A page of rows, or all rows as a stream", &data(of_data()), rows()),
            "post": with_body(
                asked("ask for rows", "The same, with parameters in the body, so that they are in no access log", &relation, rows()),
                "application/x-www-form-urlencoded", "Form", false,
            ),
        },
        "/api/v1/submissions/{submission_id}": {
            "get": asked("submission", "One submission", &[id("submission_id")], ok("Submission")),
        },
        "/api/v1/submissions/states": {
            "post": with_body(
                asked("states", "Where submissions are", &[], ok("States")),
                "application/json", "Ids", true,
            ),
        },
        "/api/v1/exports/{export_id}": {
            "get": asked("export", "What a stream contained, as proof that it arrived whole", &[id("export_id")], ok("Export")),
        },
        "/docs/errors/{code}": { "get": errors_page() },
        "/healthcheck/": { "get": open("alive", "Whether the process is alive", &[("200", "Alive")]) },
        "/healthcheck/ready/": {
            "get": open("ready", "Whether clients can be recognised and rows can be read", &[("200", "Readiness"), ("503", "Readiness")]),
        },
        "/_status": { "get": open("status", "Which build runs, and whether it can serve", &[("200", "Status"), ("503", "Status")]) },
    })
}

fn path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
}

fn id(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } })
}

fn of_data() -> Vec<Value> {
    let members = schemas::parameters();
    let described = members.iter().map(
        |(name, schema)| json!({ "name": name, "in": "query", "required": false, "schema": schema }),
    );
    described.collect()
}

/// A route for clients, with the answers to requests that it refuses.
fn asked(operation: &str, summary: &str, parameters: &[Value], answer: Value) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), answer);
    if operation == "rows" {
        responses.insert("304".to_owned(), not_modified());
    }
    for status in by_status().keys() {
        let reference = format!("#/components/responses/{status}");
        responses.insert(status.clone(), json!({ "$ref": reference }));
    }
    json!({
        "operationId": operation, "summary": summary, "tags": ["reading"],
        "parameters": parameters, "responses": responses,
    })
}

fn with_body(mut operation: Value, media_type: &str, schema: &str, required: bool) -> Value {
    if let Some(members) = operation.as_object_mut() {
        let body =
            json!({ "required": required, "content": { media_type: answers::content(schema) } });
        members.insert("requestBody".to_owned(), body);
    }
    operation
}

/// A route that is open to all.
fn open(operation: &str, summary: &str, answers: &[(&str, &str)]) -> Value {
    let answers = answers.iter().map(|(status, schema)| ((*status).to_owned(), ok(schema)));
    open_to_all(operation, summary, &[], answers.collect())
}

fn errors_page() -> Value {
    let codes: Vec<&str> = ALL.iter().map(|reason| reason.code).collect();
    let code =
        json!({ "name": "code", "in": "path", "required": true, "schema": { "enum": codes } });
    let not_found = json!({ "$ref": "#/components/responses/404" });
    let answers = [("200", page_about_error()), ("404", not_found)];
    let answers = answers.map(|(status, answer)| (status.to_owned(), answer));
    open_to_all("error", "What an error means", &[code], answers.into_iter().collect())
}

fn open_to_all(
    operation: &str,
    summary: &str,
    parameters: &[Value],
    answers: Map<String, Value>,
) -> Value {
    json!({
        "operationId": operation, "summary": summary, "tags": ["about"],
        "security": [], "parameters": parameters, "responses": answers,
    })
}
