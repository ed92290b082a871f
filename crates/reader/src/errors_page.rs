//! `GET /docs/errors/{code}`: what an error means, for people. Open to all.

use actix_web::{HttpRequest, HttpResponse};

use crate::refusal::{ALL, Refusal};

pub async fn errors_page(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let code = request.uri().path().rsplit('/').next().unwrap_or_default();
    let reason = ALL.into_iter().find(|reason| reason.code == code).ok_or(Refusal::NotFound)?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(format!(
        "{} ({}, {})\n\n{}\n",
        reason.title,
        reason.status.as_u16(),
        reason.code,
        reason.when
    )))
}
