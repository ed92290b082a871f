//! `GET /openapi.json`, and `GET /docs/`, a page that shows it. Both are open to all.
//!
//! A service with routes of its own below `/docs/` adds them before these.

use std::borrow::Cow;

use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding},
    middleware::DefaultHeaders,
    web::{self, Bytes},
};
use utoipa_swagger_ui::Config;

use crate::{in_chunks::InChunks, page::page};

/// The page loads files of this service only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// Adds the routes. `document` is the body of the answer.
pub fn routes(service: &mut web::ServiceConfig, document: &Bytes) {
    let document = document.clone();
    let answer = move || {
        let document = document.clone();
        async move { HttpResponse::Ok().content_type("application/json").body(InChunks(document)) }
    };
    // A browser cannot sign requests, so the page does not offer to send any.
    let config = Config::from("../openapi.json")
        .use_base_layout()
        .supported_submit_methods([""; 0])
        .validator_url("none");
    let files = web::scope("/docs")
        .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)))
        .app_data(web::Data::new(config))
        .service(page("/{file:.*}", file));
    service.service(page("/openapi.json", answer)).service(page("/docs", add_slash)).service(files);
}

async fn file(path: web::Path<String>, config: web::Data<Config<'static>>) -> HttpResponse {
    let Ok(Some(file)) = utoipa_swagger_ui::serve(&path, config.into_inner()) else {
        return HttpResponse::NotFound().finish();
    };
    let bytes = match file.bytes {
        // Part of the program, and never copied as a whole.
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let mut answer = HttpResponse::Ok();
    if file.gzpipped {
        answer.insert_header((header::CONTENT_ENCODING, ContentEncoding::Gzip));
    }
    answer.content_type(file.content_type).body(InChunks(bytes))
}

/// The page loads its files from beside it.
async fn add_slash() -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((header::LOCATION, "/docs/")).finish()
}
