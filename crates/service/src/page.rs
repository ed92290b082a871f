//! Pages: resources that clients can only read.

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard, http::header, web,
};
use serde_json::json;

/// A resource for GET and HEAD; other methods get 405.
pub fn page<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let read = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
    let other = web::to(|request| async move { method_not_allowed(&request, "GET, HEAD") });
    web::resource(path).route(read).default_service(other)
}

/// The answer 405, which names the allowed methods.
pub fn method_not_allowed(request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let detail = format!("Method \"{}\" not allowed.", request.method());
    HttpResponse::MethodNotAllowed()
        .insert_header((header::ALLOW, allowed))
        .json(json!({ "detail": detail }))
}
