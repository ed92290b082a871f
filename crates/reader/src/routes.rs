//! All routes except those of the health page and `/_status`.

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder, guard,
    http::header,
    middleware::from_fn,
    web::{self, Bytes},
};
use service::docs;

use crate::{
    authenticate::authenticate,
    data::data,
    errors_page::errors_page,
    exports::export,
    list::list,
    refusal::Refusal,
    structure::structure,
    submissions::{states, submission},
};

const READ: &str = "GET, OPTIONS, HEAD";
const ASK_WITH_POST: &str = "POST, OPTIONS";
const READ_OR_POST: &str = "GET, POST, OPTIONS, HEAD";

/// Adds the routes. Only the documentation and the pages about errors are open to all. `document` is
/// the OpenAPI document, or nothing if there is no documentation.
pub fn all(service: &mut web::ServiceConfig, document: Option<&Bytes>) {
    let rows =
        resource("/table-data/{schema}/{table}", READ_OR_POST, data).route(web::post().to(data));
    let api = web::scope("/api/v1")
        .wrap(from_fn(authenticate))
        .service(resource("/relations", READ, list))
        .service(resource("/table-structure/{schema}/{table}", READ, structure))
        .service(rows)
        .service(asked_with_post("/submissions/states", states))
        .service(resource("/submissions/{id}", READ, submission))
        .service(resource("/exports/{id}", READ, export))
        .default_service(web::to(not_found));
    service.service(resource("/docs/errors/{code}", READ, errors_page));
    if let Some(document) = document {
        docs::routes(service, document);
    }
    service.service(api).default_service(web::to(not_found));
}

/// A resource for GET, HEAD and OPTIONS.
fn resource<F, Args>(path: &str, allowed: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let options =
        move || async move { HttpResponse::Ok().insert_header((header::ALLOW, allowed)).finish() };
    let other = move || async move { Refusal::Method(allowed).answer() };
    web::resource(path)
        .route(web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler))
        .route(web::route().guard(guard::Options()).to(options))
        .default_service(web::to(other))
}

/// A resource for POST and OPTIONS.
fn asked_with_post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let options =
        || async { HttpResponse::Ok().insert_header((header::ALLOW, ASK_WITH_POST)).finish() };
    web::resource(path)
        .route(web::post().to(handler))
        .route(web::route().guard(guard::Options()).to(options))
        .default_service(web::to(|| async { Refusal::Method(ASK_WITH_POST).answer() }))
}

async fn not_found() -> HttpResponse {
    Refusal::NotFound.answer()
}
