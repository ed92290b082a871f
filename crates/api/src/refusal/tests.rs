//! The list of reasons is complete, and the reference page shows it.

use std::collections::BTreeSet;

use actix_web::{body::to_bytes, http::header, test::TestRequest};
use domain::{Encoding, Fields};

use super::*;

/// One of each refusal that needs no error of SQS.
fn examples() -> Vec<Refusal> {
    let form = Fields::parse(b"[]", Encoding::Json).unwrap_err();
    let hawk = hawk_auth::Refusal::StaleTimestamp { now: 1, tsm: "x=".to_owned() };
    let examples = vec![
        Refusal::ContentEncoding,
        Refusal::BodyTooLong { limit: 10 },
        Refusal::BodyBrokeOff,
        Refusal::BodiesInFlight,
        Refusal::SlowBodyDropped,
        Refusal::BodyTooSlow,
        Refusal::Signature,
        Refusal::Hawk(hawk_auth::Refusal::MacWrong),
        Refusal::Hawk(hawk),
        Refusal::Hawk(hawk_auth::Refusal::NonceMemoryFull),
        Refusal::IdempotencyKey,
        Refusal::MediaType("Unsupported media type \"a/b\" in request.".to_owned()),
        Refusal::NotJson,
        Refusal::Form(form),
        Refusal::Form(domain::Refusal::TooManyValues),
        Refusal::NotSent { submission_id: Uuid::nil(), why: NotSent::NoQueue },
    ];
    for example in &examples {
        // A new refusal does not compile here until it has an example above.
        match example {
            Refusal::ContentEncoding
            | Refusal::BodyTooLong { .. }
            | Refusal::BodyBrokeOff
            | Refusal::BodiesInFlight
            | Refusal::SlowBodyDropped
            | Refusal::BodyTooSlow
            | Refusal::Signature
            | Refusal::Hawk(_)
            | Refusal::IdempotencyKey
            | Refusal::MediaType(_)
            | Refusal::NotJson
            | Refusal::Form(_)
            | Refusal::NotSent { .. } => {}
        }
    }
    examples
}

#[test]
fn every_refusal_has_a_listed_reason() {
    let listed = reasons();
    for refusal in examples() {
        let reason = refusal.reason();
        // The code of a form is that of its first error.
        let is_listed = |listed: &&Reason| listed.when == reason.when;
        assert_eq!(listed.iter().filter(is_listed).count(), 1, "{refusal:?}");
    }
}

#[test]
fn a_reason_has_one_status_and_is_described_once() {
    let listed = reasons();
    let statuses: BTreeSet<_> =
        listed.iter().map(|reason| (reason.code, reason.status.as_u16())).collect();
    let codes: BTreeSet<_> = listed.iter().map(|reason| reason.code).collect();
    assert_eq!(statuses.len(), codes.len());
    let descriptions: BTreeSet<_> = listed.iter().map(|reason| reason.when).collect();
    assert_eq!(descriptions.len(), listed.len());
}

#[actix_web::test]
async fn refusals_are_answered_as_the_snapshot_shows() {
    let mut lines = Vec::new();
    for refusal in examples() {
        let answer = refusal.answer(&TestRequest::default().to_http_request());
        let status = answer.status();
        let headers: Vec<_> = [header::CONTENT_TYPE, header::RETRY_AFTER, header::WWW_AUTHENTICATE]
            .into_iter()
            .filter_map(|name| {
                let value = answer.headers().get(&name)?.to_str().unwrap();
                // It is drawn by lot.
                let is_wait = name == header::RETRY_AFTER;
                assert!(!is_wait || (5..=10).contains(&value.parse().unwrap()), "{value}");
                Some(if is_wait { "5 to 10" } else { value }.to_owned())
            })
            .collect();
        let body = to_bytes(answer.into_body()).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        lines.push(format!("{status}\n  {}\n  {body}", headers.join("\n  ")));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_reference_lists_every_refusal() {
    let mut table = "| code | status | `detail` | when | counted from the start |\n\
                     |---|---|---|---|---|\n"
        .to_owned();
    for Reason { code, status, detail, when, starts_at_zero, .. } in reasons() {
        let code = match code {
            code if code == FORM.code => format!("[{code}](form-type-schemas.md#errors)"),
            code => format!("`{code}`"),
        };
        let status = status.as_u16();
        let counted = if starts_at_zero { "yes" } else { "" };
        table += &format!("| {code} | {status} | {detail} | {when} | {counted} |\n");
    }
    test_kit::reference::check("http-api.md", "refusals", &table);
}
