//! The HTTP routes: the JSON protocol of SQS on `POST /`, and the health check.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ContentType, HOST},
    web::{self, Data, ServiceConfig},
};

use crate::{
    action::Action,
    body::{self, Unread},
    broker::Broker,
    error::{ApiError, Code},
    response::respond,
};

/// Every route of the server; the fault hooks add their own.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::post().to(handle_call))
        // Some clients post to the path of the queue URL.
        .route("/{account}/{queue}", web::post().to(handle_call))
        .route("/healthcheck/", web::get().to(healthcheck));
}

async fn handle_call(
    broker: Data<Broker>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let body = match body::read(&request, payload).await {
        Ok(body) => body,
        Err(Unread::TooLong) => return body::too_long(),
        Err(Unread::BrokenOff) => return respond(Err(unreadable())),
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

fn unreadable() -> ApiError {
    ApiError::new(Code::Serialization, "The request could not be read.")
}
