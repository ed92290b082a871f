//! The whole HTTP surface, but for the health page.

use actix_web::{guard, middleware::from_fn, web};

use crate::{answers, authenticate::authenticate, index::index, redirect::add_slash, submit::submit};

/// Every route, each behind authentication, the unknown ones too.
pub fn all(service: &mut web::ServiceConfig) {
    let get_or_head = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    service.service(
        web::scope("")
            .wrap(from_fn(authenticate))
            .service(
                web::resource("/")
                    .route(get_or_head().to(index))
                    .default_service(web::to(|request| answers::method_not_allowed(request, "GET, HEAD"))),
            )
            .service(
                web::resource("/form/")
                    .route(web::post().to(submit))
                    .default_service(web::to(|request| answers::method_not_allowed(request, "POST"))),
            )
            .route("/form", web::route().to(add_slash))
            .default_service(web::to(answers::not_found)),
    );
}
