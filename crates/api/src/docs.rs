//! `GET /openapi.json`, and `GET /docs/`, a page that shows it. Both are open to all.

use actix_web::{
    HttpResponse,
    http::header,
    middleware::DefaultHeaders,
    web::{self, Bytes},
};
use service::page::page;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::redirect::add_slash;

/// The page loads files of this service only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// Adds the routes. `document` is the body of the answer.
pub fn routes(service: &mut web::ServiceConfig, document: &Bytes) {
    let document = document.clone();
    let answer = move || {
        let document = document.clone();
        async move { HttpResponse::Ok().content_type("application/json").body(document) }
    };
    // A browser cannot sign requests, so the page does not offer to send any.
    let config = Config::from("../openapi.json")
        .use_base_layout()
        .supported_submit_methods([""; 0])
        .validator_url("none");
    let swagger_ui = web::scope("/docs")
        .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)))
        .service(SwaggerUi::new("/{_:.*}").config(config));
    service
        .service(page("/openapi.json", answer))
        .service(page("/docs", add_slash))
        .service(swagger_ui);
}
