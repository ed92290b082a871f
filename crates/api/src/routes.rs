//! The whole HTTP surface, but for the health page.

use std::sync::Arc;

use actix_web::{guard, middleware::from_fn, web};

use crate::{
    answers, authenticate::authenticate, form_queue::FormQueue, index::index, redirect::add_slash, schema::schema,
    submit::submit,
};

/// Every route; all but the schemas, which are documentation, are behind authentication, the unknown ones too.
pub fn all(service: &mut web::ServiceConfig, form_queues: &[Arc<FormQueue>]) {
    for form_queue in form_queues {
        let path = format!("/{}/schema", form_queue.form_type().name());
        let resource = web::resource(format!("{path}/")).app_data(web::Data::from(Arc::clone(form_queue)));
        service.service(resource.route(web::get().to(schema))).route(&path, web::get().to(add_slash));
    }

    let get_or_head = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let mut signed = web::scope("").wrap(from_fn(authenticate)).service(
        web::resource("/")
            .app_data(web::Data::new(form_queues.to_vec()))
            .route(get_or_head().to(index))
            .default_service(web::to(|request| answers::method_not_allowed(request, "GET, HEAD"))),
    );
    for form_queue in form_queues {
        let path = format!("/{}", form_queue.form_type().name());
        let resource = web::resource(format!("{path}/"))
            .app_data(web::Data::from(Arc::clone(form_queue)))
            .route(web::post().to(submit))
            .default_service(web::to(|request| answers::method_not_allowed(request, "POST")));
        signed = signed.service(resource).route(&path, web::route().to(add_slash));
    }
    service.service(signed.default_service(web::to(answers::not_found)));
}
