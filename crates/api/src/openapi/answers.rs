//! Every answer of the routes, with its name among the components of the document.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use service::trace;
use utoipa::openapi::{Content, Header, Ref, Response, ResponseBuilder};

use crate::{
    refusal::{Check, Reason, reasons},
    settings::IntakeSettings,
};

/// Every answer, by name.
pub fn all(intake: &IntakeSettings) -> BTreeMap<String, Response> {
    let answers = [
        ("Accepted", json("SQS has confirmed this submission.", "Accepted")),
        ("Alive", json("The process is alive.", "Alive")),
        ("Index", json("The address for each form type.", "Index")),
        (
            "MethodNotAllowed",
            json("The path does not support this method.", "Detail")
                .header("Allow", header("Text")),
        ),
        ("NotFound", json("There is nothing at this path.", "Detail")),
        (
            "NotReady",
            json("No form can be accepted. The body says why, for each form type.", "Readiness"),
        ),
        (
            "Ready",
            json("Forms of at least one type can be accepted. The body says which.", "Readiness"),
        ),
        (
            "Schema",
            answer("JSON Schema, 2020-12.").content("application/schema+json", content("Schema")),
        ),
        (
            "SlashAdded",
            answer("The same path with a slash at its end.").header("Location", header("Text")),
        ),
        ("Status", json("Which build runs, and whether it can serve.", "Status")),
    ];
    let answers = answers.map(|(name, answer)| (name.to_owned(), answer.build()));
    // Other routes share the answers of the forms, except for 400, which has a name of its own
    // there.
    let refusals =
        [Routes::Signed, Routes::Forms].into_iter().flat_map(|routes| of_refusals(intake, routes));
    let refusals = refusals.map(|(_, name, answer)| (name, answer));
    answers.into_iter().chain(refusals).collect()
}

/// Routes that refuse a request for the same reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routes {
    Signed,
    /// They are signed, and take forms.
    Forms,
}

/// The answers to requests that these routes refuse: status, name and description, one for each
/// status.
pub fn of_refusals(intake: &IntakeSettings, routes: Routes) -> Vec<(StatusCode, String, Response)> {
    let mut by_status: BTreeMap<StatusCode, Vec<Reason>> = BTreeMap::new();
    for reason in reasons() {
        let can_happen = match reason.check {
            Check::Body => true,
            Check::Signature => intake.hawk.is_none(),
            Check::Hawk => intake.hawk.is_some(),
            Check::Form => routes == Routes::Forms,
        };
        if can_happen {
            by_status.entry(reason.status).or_default().push(reason);
        }
    }
    let described = by_status.into_iter().map(|(status, reasons)| {
        let is_invalid_form = status == StatusCode::BAD_REQUEST && routes == Routes::Forms;
        let name = match status.canonical_reason() {
            _ if is_invalid_form => "InvalidForm".to_owned(),
            words => words.unwrap_or_default().replace(' ', ""),
        };
        let schema = if is_invalid_form { "InvalidForm" } else { "Detail" };
        (status, name, of_status(status, &reasons, schema))
    });
    described.collect()
}

fn of_status(status: StatusCode, reasons: &[Reason], schema: &str) -> Response {
    let mut answer = json(&one_of(reasons), schema);
    if reasons.iter().any(|reason| reason.check == Check::Signature) {
        answer = answer.content("text/html", content("NotSigned"));
    }
    match status {
        StatusCode::UNAUTHORIZED => answer.header("WWW-Authenticate", header("Text")),
        StatusCode::SERVICE_UNAVAILABLE => answer.header("Retry-After", header("Seconds")),
        _ => answer,
    }
    .build()
}

/// The reasons as a sentence, or as a list in Markdown.
fn one_of(reasons: &[Reason]) -> String {
    match reasons {
        [reason] => reason.when.to_owned(),
        reasons => {
            let lines: Vec<_> =
                reasons.iter().map(|reason| format!("\n- {}", reason.when)).collect();
            format!("One of:\n{}", lines.concat())
        }
    }
}

fn json(about: &str, schema: &str) -> ResponseBuilder {
    answer(about).content("application/json", content(schema))
}

fn answer(about: &str) -> ResponseBuilder {
    let request_id = format!("#/components/headers/{}", trace::X_REQUEST_ID);
    ResponseBuilder::new()
        .description(about)
        .header_ref(trace::X_REQUEST_ID.as_str(), Ref::new(request_id))
}

fn content(schema: &str) -> Content {
    Content::new(Some(Ref::from_schema_name(schema)))
}

fn header(schema: &str) -> Header {
    Header::new(Ref::from_schema_name(schema))
}
