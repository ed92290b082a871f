//! `POST /<form type>/`: a form becomes a message, and the answer is 202 once SQS has it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
    web::{self, Bytes},
};
use chrono::Utc;
use domain::{Encoding, Fields, FormType, Message, Submission};
use queue::Cause;
use uuid::Uuid;

use crate::{
    answers,
    form_queue::{FormQueue, NotSent},
    metrics,
    sent_by::SentBy,
    submission_id::{self, IdempotencyKey, submission_id},
    trace::TraceParent,
};

pub async fn submit(
    request: HttpRequest,
    sent_by: web::ReqData<SentBy>,
    trace: web::ReqData<TraceParent>,
    body: Bytes,
    form_queue: web::Data<FormQueue>,
) -> HttpResponse {
    let submission = match read(&request, &sent_by, &trace, &body, form_queue.form_type()) {
        Ok(submission) => submission,
        Err(answer) => return answer,
    };
    let (body, data) = submission.fields.to_json_and_range("data");
    let (answer, named) =
        (answer(submission.id, data.and_then(|place| body.get(place))), named(&submission));
    let message = Message::with_body(&submission, body);
    // Parsed fields take many times the memory of their text, and SQS may take its time.
    drop(submission);
    match form_queue.send(message).await {
        Ok(()) => {
            log::debug!("Accepted a form. {named}");
            HttpResponse::Accepted().content_type(ContentType::json()).body(answer)
        }
        Err(not_sent) => refused(&named, &not_sent),
    }
}

fn read(
    request: &HttpRequest,
    sent_by: &SentBy,
    trace: &TraceParent,
    body: &[u8],
    form_type: &FormType,
) -> Result<Submission, HttpResponse> {
    let key = idempotency_key(request)?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(Ok(""), |value| value.to_str());
    let encoding = match Encoding::from_content_type(content_type.unwrap_or("?")) {
        Ok(encoding) if form_type.accepts(encoding) => encoding,
        // Without a body there is nothing that could be in the wrong encoding.
        _ if body.is_empty() => Encoding::Json,
        Ok(_) => {
            metrics::refused("media_type");
            return Err(answers::unsupported("Forms of this type come as application/json."));
        }
        Err(error) => {
            metrics::refused("media_type");
            return Err(answers::unsupported(&error.to_string()));
        }
    };
    let checked =
        Fields::parse(body, encoding).and_then(|fields| form_type.check(&fields).map(|()| fields));
    let fields = checked.map_err(|refusal| {
        metrics::refused(refusal.code());
        log::info!(
            "Refused a form. form_type={} reason=\"{refusal}\" traceparent={}",
            form_type.name(),
            trace.as_str()
        );
        HttpResponse::BadRequest().json(refusal.to_json())
    })?;
    let id = submission_id(form_type.name(), sent_by, key.as_ref(), || fields.to_json());
    let traceparent = trace.as_str().to_owned();
    Ok(Submission {
        id,
        form_type: form_type.clone(),
        received_at: Utc::now(),
        traceparent,
        fields,
    })
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, HttpResponse> {
    let mut values = request.headers().get_all(submission_id::HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    match IdempotencyKey::parse(value.as_bytes()) {
        Some(key) if values.next().is_none() => Ok(Some(key)),
        _ => {
            metrics::refused("idempotency_key");
            Err(answers::bad_request(
                "Idempotency-Key must be one value of 1 to 255 visible ASCII characters.",
            ))
        }
    }
}

/// What an accepted submission is answered with: `data` is JSON already.
fn answer(id: Uuid, data: Option<&str>) -> String {
    match data {
        Some(data) => format!("{{\"data\":{data},\"id\":\"{id}\"}}"),
        None => format!("{{\"id\":\"{id}\"}}"),
    }
}

fn refused(named: &str, not_sent: &NotSent) -> HttpResponse {
    match not_sent {
        NotSent::NoQueue => {
            metrics::refused("queue_not_found");
            log::warn!("A form could not be sent, the queue was not found yet. {named}");
            answers::try_again()
        }
        NotSent::Failed(error) => match error.cause() {
            Cause::TooLong => {
                metrics::refused("too_long_for_queue");
                log::info!(
                    "Refused a form that is too long for the queue. {named} error=\"{error}\""
                );
                answers::too_long("The submission is too long for the queue.")
            }
            Cause::Refused => {
                metrics::refused("sqs_refused");
                log::error!(
                    "SQS refuses a form, which is a fault of the program. {named} error=\"{error}\""
                );
                answers::cannot()
            }
            Cause::Unavailable | Cause::Denied | Cause::MissingQueue => {
                metrics::refused("sqs_unavailable");
                log::warn!("A form could not be sent. {named} error=\"{error}\"");
                answers::try_again()
            }
        },
    }
}

/// The names that a submission has in every log line about it.
fn named(submission: &Submission) -> String {
    let Submission { id, form_type, traceparent, .. } = submission;
    format!("submission_id={id} form_type={} traceparent={traceparent}", form_type.name())
}
