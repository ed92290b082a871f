//! Every answer that the routes give, by the name that it has among the document's components.

use utoipa::openapi::{Content, Header, Ref, Response, ResponseBuilder};

use crate::{settings::IntakeSettings, trace};

/// Statuses and answers of a route that takes forms, beside those of every signed one.
pub const OF_A_FORM: [(&str, &str); 3] =
    [("202", "Accepted"), ("400", "Refused"), ("500", "Cannot")];

/// Statuses and answers of every route behind authentication, which reads the body first.
pub const OF_SIGNED: [(&str, &str); 4] =
    [("408", "TooSlow"), ("413", "TooLong"), ("415", "Unsupported"), ("503", "TryAgain")];

/// What they have too where Hawk is on.
pub const UNAUTHORIZED: (&str, &str) = ("401", "Unauthorized");

/// All of them.
pub fn all(intake: &IntakeSettings) -> Vec<(&'static str, Response)> {
    // Where Hawk is off, one 400 is the answer of 2016 to whatever is not signed.
    let or_pfo = |answer: ResponseBuilder| match intake.hawk {
        None => answer.content("text/html", content("NotSigned")),
        Some(_) => answer,
    };
    let broke_off = "The body did not arrive whole, or the request is not signed as it must be.";
    let refused = "What is wrong, by field; or the request is not signed as it must be.";
    let try_again = "SQS did not confirm in time, or too much is in flight: send it again.";
    let mut answers = vec![
        ("Accepted", json("SQS has confirmed this very submission.", "Accepted")),
        ("Alive", json("It lives.", "Alive")),
        ("BrokeOff", or_pfo(json(broke_off, "Detail"))),
        ("Cannot", json("A fault of the service.", "Detail")),
        ("Index", json("The address of each form type.", "Index")),
        (
            "MethodNotAllowed",
            json("The path takes other methods.", "Detail").header("Allow", header("Text")),
        ),
        ("NotFound", json("There is nothing at this path.", "Detail")),
        ("NotReady", json("Something that it needs does not answer: what, is told.", "Readiness")),
        ("Ready", json("All that it needs answers.", "Readiness")),
        ("Refused", or_pfo(json(refused, "Refused"))),
        (
            "Schema",
            answer("JSON Schema, 2020-12.").content("application/schema+json", content("Schema")),
        ),
        ("SlashAdded", answer("The path has a last slash.").header("Location", header("Text"))),
        ("Status", json("What was built, and whether it can serve.", "Status")),
        ("TooLong", json("The body is too long, or the submission is so for the queue.", "Detail")),
        ("TooSlow", json("The body took too long to arrive.", "Detail")),
        ("TryAgain", json(try_again, "Detail").header("Retry-After", header("Seconds"))),
        ("Unsupported", json("Another media type, or a `Content-Encoding`.", "Detail")),
    ];
    if intake.hawk.is_some() {
        let about = "The request is not signed as it must be; only a clock that is off is told, with `ts` and `tsm`.";
        answers.push((
            UNAUTHORIZED.1,
            json(about, "Detail").header("WWW-Authenticate", header("Text")),
        ));
    }
    answers.into_iter().map(|(name, answer)| (name, answer.build())).collect()
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
