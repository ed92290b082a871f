//! Reads the body of a request, then lets the request through if it is signed.

use std::time::SystemTime;

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
    body::BodyLimits, refusal::Refusal, sent_by::SentBy, settings::IntakeSettings, signature,
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
    let read = match limits.read(request.headers(), payload).await {
        Ok((body, share)) => {
            check(&intake, request.request(), &body).map(|verified| (body, share, verified))
        }
        Err(refusal) => Err(refusal),
    };
    // The body keeps its share of the bytes in flight until the request is answered.
    let (body, _share, verified) = match read {
        Ok(read) => read,
        Err(refusal) => {
            let answer = refusal.answer(request.request());
            return Ok(request.into_response(answer));
        }
    };
    let sent_by = match &verified {
        Some(verified) => {
            SentBy::HawkClient { id: verified.client_id().to_owned(), mac: *verified.mac() }
        }
        None => SentBy::Ui,
    };
    request.extensions_mut().insert(sent_by);
    request.set_payload(Payload::from(body));
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(match verified {
        Some(verified) => sign_answer(response, &verified),
        None => response,
    })
}

/// `None` if the signature of 2016 is right.
fn check(
    intake: &IntakeSettings,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Option<Verified>, Refusal> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let refusal = match &intake.hawk {
        None => Refusal::Signature,
        Some(hawk) => {
            match hawk.verify(&hawk_request(intake, request, path, body), unix_seconds()) {
                Ok(verified) => return Ok(Some(verified)),
                Err(
                    refusal @ (hawk_auth::Refusal::NoHeader | hawk_auth::Refusal::AnotherScheme),
                ) => Refusal::Hawk(refusal),
                Err(refusal) => return Err(Refusal::Hawk(refusal)),
            }
        }
    };
    // A request without a Hawk header may have the signature of 2016, if that scheme is on too.
    let signature =
        request.headers().get(signature::HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    if signature::is_good(signature, path, body, &intake.ui_secrets) {
        Ok(None)
    } else {
        Err(refusal)
    }
}

fn hawk_request<'a>(
    intake: &'a IntakeSettings,
    request: &'a HttpRequest,
    path_and_query: &'a str,
    body: &'a [u8],
) -> hawk_auth::Request<'a> {
    let text = |name: HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let mut authorization = request.headers().get_all(header::AUTHORIZATION);
    let first = authorization.next().map(HeaderValue::as_bytes);
    // With two headers nothing says which counts, so we pass a malformed value, which is refused.
    let authorization =
        if authorization.next().is_some() { Some(b"Hawk".as_slice()) } else { first };
    let (host, port) = match &intake.public_address {
        Some((host, port)) => (host.as_str(), *port),
        None => host_and_port(text(header::HOST)),
    };
    let content_type = text(header::CONTENT_TYPE);
    hawk_auth::Request {
        authorization,
        method: request.method().as_str(),
        path_and_query,
        host,
        port,
        content_type,
        body,
    }
}

/// The host and port that the client used. If a load balancer ends TLS, only `PUBLIC_URL` knows
/// them.
fn host_and_port(host: &str) -> (&str, u16) {
    match host.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?))) {
        Some(host_and_port) => host_and_port,
        None => (host, 80),
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
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
