//! `GET /<form type>/schema/`: the JSON Schema of a form type, open to all.

use actix_web::{HttpResponse, web};
use service::in_chunks::InChunks;

use crate::form_queue::FormQueue;

pub async fn schema(form_queue: web::Data<FormQueue>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/schema+json")
        .body(InChunks(form_queue.form_type().schema().to_string().into()))
}
