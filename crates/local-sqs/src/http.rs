//! The HTTP routes: the JSON protocol of SQS on `POST /`, and the health check.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ContentType, HOST},
    },
    web::{self, Bytes, Data, ServiceConfig},
};

use crate::{
    action::Action,
    broker::Broker,
    error::{ApiError, Code},
    response::respond,
};

/// Maximum bytes of a request body: enough for the 1 MiB of payload that SQS accepts, of which JSON
/// may write each byte as six, and for the names.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Every route of the server; the fault hooks add their own.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
        .route("/", web::post().to(handle_call))
        // Some clients post to the path of the queue URL.
        .route("/{account}/{queue}", web::post().to(handle_call))
        .route("/healthcheck/", web::get().to(healthcheck));
}

async fn handle_call(
    broker: Data<Broker>,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    let body = match body {
        Ok(body) => body,
        Err(error) => return respond(Err(body_error(&error))),
    };
    let action = match requested_action(&request) {
        Ok(action) => action,
        Err(error) => return respond(Err(error)),
    };
    let host =
        request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let broker = broker.into_inner();
    #[cfg(feature = "faults")]
    {
        crate::faults::inject::answer_with_faults(&broker, &request, action, host, body).await
    }
    #[cfg(not(feature = "faults"))]
    {
        respond(crate::actions::perform(&broker, action, host, &body).await)
    }
}

async fn healthcheck() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(r#"{"status":"OK"}"#)
}

fn requested_action(request: &HttpRequest) -> Result<Action, ApiError> {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    target.strip_prefix("AmazonSQS.").and_then(Action::from_name).ok_or_else(|| {
        ApiError::new(
            Code::UnknownOperation,
            "The header X-Amz-Target must be AmazonSQS. followed by an action that this server \
             supports. Only the JSON protocol is supported.",
        )
    })
}

/// The error for a body that could not be read, most likely because it is too long.
fn body_error(error: &actix_web::Error) -> ApiError {
    if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("A request cannot be longer than {MAX_BODY_BYTES} bytes.");
        return ApiError::new(Code::RequestEntityTooLarge, message);
    }
    ApiError::new(Code::Serialization, "The request could not be read.")
}
