//! Lets through what is signed, after its body is read; everything else gets one and the same answer.

use actix_web::{
    Error, HttpMessage,
    body::{EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

use crate::{answers, body::BodyLimits, settings::IntakeSettings, signature};

/// Middleware around every route: the handlers behind it get the body in memory, signed.
pub async fn authenticate<B: MessageBody>(
    limits: web::Data<BodyLimits>,
    intake: web::Data<IntakeSettings>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let payload = request.take_payload();
    // The share is held until the answer is there.
    let (body, _share) = match limits.read(request.headers(), payload).await {
        Ok(read) => read,
        Err(answer) => return Ok(request.into_response(answer).map_into_right_body()),
    };
    let signature = request.headers().get(signature::HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if !signature::is_good(signature, path, &body, &intake.ui_secrets) {
        log::info!("Refused a request that is not signed as it must be. method={}", request.method());
        return Ok(request.into_response(answers::not_authenticated()).map_into_right_body());
    }
    request.set_payload(Payload::from(body));
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}
