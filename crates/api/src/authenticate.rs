//! Lets a request through if it is signed, with its body in memory.

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web::{self, Bytes},
};
use hawk_auth::Verified;

use crate::{
    body::{BodyLimits, Share},
    refusal::Refusal,
    sender,
    sent_by::SentBy,
    settings::IntakeSettings,
};

const SERVER_AUTHORIZATION: HeaderName = HeaderName::from_static("server-authorization");

/// Middleware around every signed route: the handlers get the body in memory, and the [`SentBy`] as
/// an extension.
pub async fn authenticate<B: MessageBody + 'static>(
    limits: web::Data<BodyLimits>,
    intake: web::Data<IntakeSettings>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let payload = request.take_payload();
    // The body keeps its share of the bytes in flight until the request is answered.
    let (body, _share, verified) = match read(&limits, &intake, request.request(), payload).await {
        Ok(read) => read,
        Err(refusal) => {
            let answer = refusal.answer(request.request());
            return Ok(request.into_response(answer));
        }
    };
    let sent_by = match &verified {
        Some(verified) => SentBy::HawkClient {
            id: verified.client_id().to_owned(),
            ts: verified.ts(),
            mac: *verified.mac(),
        },
        None => SentBy::Ui { repeat: sender::find_repeat(&intake, request.request()) },
    };
    request.extensions_mut().insert(sent_by);
    request.set_payload(Payload::from(body));
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(match verified {
        Some(verified) => sign_answer(response, &verified),
        None => response,
    })
}

/// The body with its share, and the Hawk signature if there is one. A body whose head already shows
/// that it will be refused is not kept.
async fn read(
    limits: &BodyLimits,
    intake: &IntakeSettings,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Bytes, Share, Option<Verified>), Refusal> {
    let head = limits
        .check_headers(request.headers())
        .and_then(|announced| Ok((announced, sender::check_head(intake, request)?)));
    match head {
        Ok((announced, head)) => {
            let (body, share) = limits.read(announced, payload).await?;
            let verified = head.check_body(intake, request, &body)?;
            Ok((body, share, verified))
        }
        Err(refusal) => {
            limits.discard(payload).await;
            Err(refusal)
        }
    }
}

/// Adds `Server-Authorization`, which covers the body of the answer.
fn sign_answer(
    response: ServiceResponse<BoxBody>,
    verified: &Verified,
) -> ServiceResponse<BoxBody> {
    let mut header = None;
    let mut response = response.map_body(|head, body| {
        let content_type =
            head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // Every answer is in memory. An answer that is streamed could not be signed.
        body.try_into_bytes().map_or_else(
            |body| body,
            |bytes: Bytes| {
                let value = verified.server_authorization(content_type.unwrap_or_default(), &bytes);
                header = HeaderValue::from_str(&value).ok();
                BoxBody::new(bytes)
            },
        )
    });
    if let Some(header) = header {
        response.headers_mut().insert(SERVER_AUTHORIZATION, header);
    }
    response
}
