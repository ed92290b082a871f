//! `POST /<form type>/`: makes a message of a form, and answers 202 once SQS has the message.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
    web::{self, Bytes},
};
use chrono::Utc;
use domain::{FormType, Message, Submission};
use service::trace::TraceParent;
use uuid::Uuid;

use crate::{
    form_queue::FormQueue,
    parser::Parser,
    refusal::Refusal,
    sent_by::SentBy,
    submission_id::{self, IdempotencyKey, submission_id},
};

pub async fn submit(
    request: HttpRequest,
    sent_by: web::ReqData<SentBy>,
    trace: web::ReqData<TraceParent>,
    body: Bytes,
    parser: web::Data<Parser>,
    form_queue: web::Data<FormQueue>,
) -> HttpResponse {
    match accept(&request, &sent_by, &trace, body, &parser, &form_queue).await {
        Ok(answer) => HttpResponse::Accepted().content_type(ContentType::json()).body(answer),
        Err(refusal) => refusal.answer(&request),
    }
}

/// Sends the form, and gives the JSON of the answer.
async fn accept(
    request: &HttpRequest,
    sent_by: &SentBy,
    trace: &TraceParent,
    body: Bytes,
    parser: &Parser,
    form_queue: &FormQueue,
) -> Result<String, Refusal> {
    let form_type = form_queue.form_type();
    let submission = read(request, sent_by, trace, body, parser, form_type).await?;
    let submission_id = submission.id;
    let answer = answer(submission_id, submission.fields.get("data"));
    let sent = form_queue.send(Message::from_submission(submission)).await;
    sent.map_err(|why| Refusal::NotSent { submission_id, why })?;
    log::debug!(
        submission_id:%, form_type = form_type.name(), traceparent = trace.as_str();
        "Accepted a form."
    );
    Ok(answer)
}

async fn read(
    request: &HttpRequest,
    sent_by: &SentBy,
    trace: &TraceParent,
    body: Bytes,
    parser: &Parser,
    form_type: &FormType,
) -> Result<Submission, Refusal> {
    let key = idempotency_key(request)?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(Ok(""), |value| value.to_str());
    let fields = parser.parse(body, content_type.unwrap_or("?"), form_type).await?;
    Ok(Submission {
        id: submission_id(form_type.name(), sent_by, key.as_ref(), fields.as_json()),
        form_type: form_type.clone(),
        received_at: Utc::now(),
        traceparent: trace.as_str().to_owned(),
        fields,
    })
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Refusal> {
    let mut values = request.headers().get_all(submission_id::HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    match IdempotencyKey::parse(value.as_bytes()) {
        Some(key) if values.next().is_none() => Ok(Some(key)),
        _ => Err(Refusal::IdempotencyKey),
    }
}

/// The body of the answer 202. `data` is JSON already.
fn answer(id: Uuid, data: Option<&str>) -> String {
    match data {
        Some(data) => format!("{{\"data\":{data},\"id\":\"{id}\"}}"),
        None => format!("{{\"id\":\"{id}\"}}"),
    }
}
