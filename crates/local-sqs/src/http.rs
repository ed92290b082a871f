//! The HTTP surface: the JSON protocol of SQS on `POST /`, and the health check.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HOST};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::action::Action;
use crate::actions::{attributes, queues, receive, send, settle};
use crate::broker::Broker;
use crate::error::{ApiError, Code};

/// Bytes of a request's body: SQS's 1 MiB of payload, each byte of which JSON may write as six, and room for names.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Every route of the server; the fault hooks bring their own.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
        .route("/", web::post().to(call))
        // Some clients post to the path of the queue URL.
        .route("/{account}/{queue}", web::post().to(call))
        .route("/healthcheck/", web::get().to(healthcheck));
}

async fn call(
    broker: Data<Broker>,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    let body = match body {
        Ok(body) => body,
        Err(error) => return respond(Err(unreadable(&error))),
    };
    let action = match target(&request) {
        Ok(action) => action,
        Err(error) => return respond(Err(error)),
    };
    let host =
        request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let broker = broker.into_inner();
    #[cfg(feature = "faults")]
    {
        crate::faults::call(&broker, &request, action, host, body).await
    }
    #[cfg(not(feature = "faults"))]
    {
        respond(answer(&broker, action, host, &body).await)
    }
}

/// Does what a request asks for; the answer is the JSON of the response.
pub(crate) async fn answer(
    broker: &Arc<Broker>,
    action: Action,
    host: &str,
    body: &[u8],
) -> Result<Vec<u8>, ApiError> {
    match action {
        Action::CreateQueue => json(&queues::create(broker, host, parse(body)?).await?),
        Action::GetQueueUrl => json(&queues::get_url(broker, host, parse(body)?)?),
        Action::ListQueues => json(&queues::list(broker, host, parse(body)?)?),
        Action::DeleteQueue => json(&queues::delete(broker, parse(body)?).await?),
        Action::PurgeQueue => json(&queues::purge(broker, parse(body)?).await?),
        Action::GetQueueAttributes => json(&attributes::get(broker, parse(body)?)?),
        Action::SetQueueAttributes => json(&attributes::set(broker, parse(body)?).await?),
        Action::SendMessage => json(&send::one(broker, parse(body)?).await?),
        Action::SendMessageBatch => json(&send::batch(broker, parse(body)?).await?),
        Action::ReceiveMessage => json(&receive::receive(broker, parse(body)?).await?),
        Action::DeleteMessage => json(&settle::delete(broker, parse(body)?).await?),
        Action::DeleteMessageBatch => json(&settle::delete_batch(broker, parse(body)?).await?),
        Action::ChangeMessageVisibility => json(&settle::change_visibility(broker, parse(body)?)?),
        Action::ChangeMessageVisibilityBatch => {
            json(&settle::change_visibility_batch(broker, parse(body)?)?)
        }
    }
}

/// The response to an answer or an error.
pub(crate) fn respond(answer: Result<Vec<u8>, ApiError>) -> HttpResponse {
    match answer {
        Ok(json) => HttpResponse::Ok()
            .content_type("application/x-amz-json-1.0")
            .insert_header(("x-amzn-RequestId", Uuid::now_v7().to_string()))
            .body(json),
        Err(ApiError { code, message }) => error_response(
            code.status(),
            code.type_name(),
            code.query_code(),
            code.is_sender_fault(),
            &message,
        ),
    }
}

/// An error in the form of the JSON protocol, with the header for clients that know the older query protocol's codes.
pub(crate) fn error_response(
    status: u16,
    type_name: &str,
    query_code: &str,
    is_sender_fault: bool,
    message: &str,
) -> HttpResponse {
    let who = if is_sender_fault { "Sender" } else { "Receiver" };
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .content_type("application/x-amz-json-1.0")
        .insert_header(("x-amzn-query-error", format!("{query_code};{who}")))
        .insert_header(("x-amzn-RequestId", Uuid::now_v7().to_string()))
        .body(serde_json::json!({"__type": type_name, "message": message}).to_string())
}

async fn healthcheck() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(r#"{"status":"OK"}"#)
}

fn target(request: &HttpRequest) -> Result<Action, ApiError> {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    target.strip_prefix("AmazonSQS.").and_then(Action::from_name).ok_or_else(|| {
        ApiError::new(
            Code::UnknownOperation,
            "The header X-Amz-Target must be AmazonSQS. and an action that is known here; \
             only the JSON protocol is spoken.",
        )
    })
}

/// The body of a request could not be read: too long, most likely.
fn unreadable(error: &actix_web::Error) -> ApiError {
    if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("A request cannot be longer than {MAX_BODY_BYTES} bytes.");
        return ApiError::new(Code::RequestEntityTooLarge, message);
    }
    ApiError::new(Code::Serialization, "The request could not be read.")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // serde's own message may quote values.
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        ApiError::new(
            Code::Serialization,
            format!("The request is not the JSON of this action, at {place}."),
        )
    })
}

fn json<T: Serialize>(answer: &T) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(answer).map_err(|error| {
        log::error!("An answer could not be written. error=\"{error}\"");
        ApiError::internal()
    })
}
