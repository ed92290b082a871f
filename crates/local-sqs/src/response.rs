//! HTTP responses in the form of the JSON protocol.

use actix_web::{HttpResponse, http::StatusCode};
use uuid::Uuid;

use crate::error::ApiError;

/// The response for a result or an error.
pub(crate) fn respond(result: Result<Vec<u8>, ApiError>) -> HttpResponse {
    match result {
        Ok(json) => HttpResponse::Ok()
            .content_type("application/x-amz-json-1.0")
            .insert_header(("x-amzn-RequestId", Uuid::now_v7().to_string()))
            .body(json),
        Err(ApiError { code, message }) => error_response(
            code.status(),
            code.type_name(),
            code.query_code(),
            code.is_sender_fault(),
            &message,
        ),
    }
}

/// An error response, with the header for clients that know the codes of the older query protocol.
pub(crate) fn error_response(
    status: u16,
    type_name: &str,
    query_code: &str,
    is_sender_fault: bool,
    message: &str,
) -> HttpResponse {
    let who = if is_sender_fault { "Sender" } else { "Receiver" };
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .content_type("application/x-amz-json-1.0")
        .insert_header(("x-amzn-query-error", format!("{query_code};{who}")))
        .insert_header(("x-amzn-RequestId", Uuid::now_v7().to_string()))
        .body(serde_json::json!({"__type": type_name, "message": message}).to_string())
}
