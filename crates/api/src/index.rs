//! `GET /`: the address for each form type.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use crate::{form_queue::FormQueue, settings::IntakeSettings};

pub async fn index(
    request: HttpRequest,
    intake: web::Data<IntakeSettings>,
    form_queues: web::Data<Vec<Arc<FormQueue>>>,
) -> HttpResponse {
    let origin = intake.public_url.clone().unwrap_or_else(|| {
        let connection = request.connection_info();
        format!("{}://{}", connection.scheme(), connection.host())
    });
    let names = form_queues.iter().map(|queue| queue.form_type().name());
    let addresses: Map<String, Value> =
        names.map(|name| (name.to_owned(), format!("{origin}/{name}/").into())).collect();
    HttpResponse::Ok().json(addresses)
}
