//! The whole HTTP surface, but for the health page.

use std::sync::Arc;

use actix_web::{
    HttpRequest,
    middleware::from_fn,
    web::{self, Bytes},
};
use service::page::{method_not_allowed, page};

use crate::{
    answers, authenticate::authenticate, docs, form_queue::FormQueue, index::index,
    redirect::add_slash, schema::schema, submit::submit,
};

/// Every route. All but the documentation are behind authentication, the unknown ones too; `document` is the OpenAPI one.
pub fn all(service: &mut web::ServiceConfig, form_queues: &[Arc<FormQueue>], document: &Bytes) {
    docs::routes(service, document);
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
    service.service(signed.default_service(web::to(answers::not_found)));
}
