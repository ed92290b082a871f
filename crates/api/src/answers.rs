//! Answers other than success, in the words of the 2016 service where it had some.

use actix_web::{HttpResponse, http::header};
use serde_json::json;

/// Seconds after which a client may try again what could not be taken.
const RETRY_AFTER: u32 = 5;

/// Whatever is wrong with who sent the request, there is this one answer, as in 2016.
pub fn not_authenticated() -> HttpResponse {
    HttpResponse::BadRequest().content_type("text/html; charset=utf-8").body("PFO")
}

/// The one answer where Hawk is on: `challenge` is the value of `WWW-Authenticate`.
pub fn unauthorized(challenge: &str) -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header((header::WWW_AUTHENTICATE, challenge))
        .json(json!({ "detail": "The request is not signed as it must be." }))
}

pub async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "detail": "Not found." }))
}

pub fn too_long(detail: &str) -> HttpResponse {
    HttpResponse::PayloadTooLarge().json(json!({ "detail": detail }))
}

pub fn unsupported(detail: &str) -> HttpResponse {
    HttpResponse::UnsupportedMediaType().json(json!({ "detail": detail }))
}

pub fn bad_request(detail: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "detail": detail }))
}

pub fn too_slow() -> HttpResponse {
    HttpResponse::RequestTimeout().json(json!({ "detail": "The request took too long to arrive." }))
}

/// An outage, not a fault of the request.
pub fn try_again() -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((header::RETRY_AFTER, RETRY_AFTER))
        .json(json!({ "detail": "The submission could not be taken. Please send it again." }))
}

/// A fault of ours.
pub fn cannot() -> HttpResponse {
    HttpResponse::InternalServerError()
        .json(json!({ "detail": "The submission could not be taken." }))
}
