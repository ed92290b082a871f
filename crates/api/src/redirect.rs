//! Redirects a path without its last slash to the path with it, as Django does.

use actix_web::{HttpRequest, HttpResponse, http::header};

pub async fn add_slash(request: HttpRequest) -> HttpResponse {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/{query}", request.uri().path());
    HttpResponse::MovedPermanently().insert_header((header::LOCATION, location)).finish()
}
