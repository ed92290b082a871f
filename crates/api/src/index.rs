//! `GET /`: where forms are sent to.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::settings::IntakeSettings;

pub async fn index(request: HttpRequest, intake: web::Data<IntakeSettings>) -> HttpResponse {
    let origin = intake.public_url.clone().unwrap_or_else(|| {
        let connection = request.connection_info();
        format!("{}://{}", connection.scheme(), connection.host())
    });
    HttpResponse::Ok().json(json!({ "form": format!("{origin}/form/") }))
}
