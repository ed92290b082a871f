//! All routes except those of the health page and `/_status`.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    middleware::from_fn,
    web::{self, Bytes},
};
use serde_json::json;
use service::{
    docs,
    page::{method_not_allowed, page},
};

use crate::{
    authenticate::authenticate, form_queue::FormQueue, index::index, redirect::add_slash,
    schema::schema, submit::submit,
};

/// Adds the routes. Only the documentation is open to all: every other path, even an unknown one,
/// needs a signature. `document` is the OpenAPI document, or nothing if there is no documentation.
pub fn all(
    service: &mut web::ServiceConfig,
    form_queues: &[Arc<FormQueue>],
    document: Option<&Bytes>,
) {
    if let Some(document) = document {
        docs::routes(service, document);
    }
    for form_queue in form_queues {
        let path = format!("/{}/schema", form_queue.form_type().name());
        let schema =
            page(&format!("{path}/"), schema).app_data(web::Data::from(Arc::clone(form_queue)));
        service.service(schema).service(page(&path, add_slash));
    }

    let index = page("/", index).app_data(web::Data::new(form_queues.to_vec()));
    let mut signed = web::scope("").wrap(from_fn(authenticate)).service(index);
    for form_queue in form_queues {
        let path = format!("/{}", form_queue.form_type().name());
        let not_post = |request: HttpRequest| async move { method_not_allowed(&request, "POST") };
        let resource = web::resource(format!("{path}/"))
            .app_data(web::Data::from(Arc::clone(form_queue)))
            .route(web::post().to(submit))
            .default_service(web::to(not_post));
        signed = signed.service(resource).route(&path, web::route().to(add_slash));
    }
    service.service(signed.default_service(web::to(not_found)));
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "detail": "Not found." }))
}
