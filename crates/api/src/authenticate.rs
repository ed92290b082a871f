//! Lets through what is signed, after its body is read; everything else gets one and the same answer.

use std::time::SystemTime;

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web::{self, Bytes},
};
use hawk_auth::{Refusal, Verified};

use crate::{
    answers, body::BodyLimits, metrics, sent_by::SentBy, settings::IntakeSettings, signature,
};

const SERVER_AUTHORIZATION: HeaderName = HeaderName::from_static("server-authorization");

/// Middleware around every route: the handlers behind it get the body in memory, and the [`SentBy`] as an extension.
pub async fn authenticate<B: MessageBody + 'static>(
    limits: web::Data<BodyLimits>,
    intake: web::Data<IntakeSettings>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let payload = request.take_payload();
    // The share is held until the answer is there.
    let (body, _share) = match limits.read(request.headers(), payload).await {
        Ok(read) => read,
        Err(answer) => return Ok(request.into_response(answer)),
    };
    let hawk = match check(&intake, request.request(), &body) {
        Ok(verified) => verified,
        Err(refused) => {
            let answer = refused.answer(&intake, request.method().as_str());
            return Ok(request.into_response(answer));
        }
    };
    let sent_by = match &hawk {
        Some(verified) => {
            SentBy::HawkClient { id: verified.client_id().to_owned(), mac: *verified.mac() }
        }
        None => SentBy::Ui,
    };
    request.extensions_mut().insert(sent_by);
    request.set_payload(Payload::from(body));
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(match hawk {
        Some(verified) => signed(response, &verified),
        None => response,
    })
}

/// Why a request is not let through.
enum Refused {
    Signature,
    Hawk(Refusal),
}

/// `None` where the signature of 2016 is good.
fn check(
    intake: &IntakeSettings,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Option<Verified>, Refused> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let no_hawk = match &intake.hawk {
        None => Refused::Signature,
        Some(hawk) => match hawk.verify(&hawk_request(intake, request, path, body), unix_seconds())
        {
            Ok(verified) => return Ok(Some(verified)),
            Err(refusal @ (Refusal::NoHeader | Refusal::AnotherScheme)) => Refused::Hawk(refusal),
            Err(refusal) => return Err(Refused::Hawk(refusal)),
        },
    };
    let signature =
        request.headers().get(signature::HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    if signature::is_good(signature, path, body, &intake.ui_secrets) {
        Ok(None)
    } else {
        Err(no_hawk)
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
    // Two of them are none that can be checked.
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

/// Behind a load balancer that ends TLS, `PUBLIC_URL` has to say what this cannot know.
fn host_and_port(host: &str) -> (&str, u16) {
    match host.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?))) {
        Some(host_and_port) => host_and_port,
        None => (host, 80),
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Refused {
    /// The cause is for the log; outside there is one answer, in which only a clock that is off can be told.
    fn answer(&self, intake: &IntakeSettings, method: &str) -> HttpResponse {
        let cause = match self {
            Self::Signature => "signature_wrong",
            Self::Hawk(refusal) => refusal.code(),
        };
        metrics::refused(cause);
        log::info!(
            "Refused a request that is not signed as it must be. method={method} cause={cause}"
        );
        match self {
            Self::Hawk(Refusal::NonceMemoryFull) => answers::try_again(),
            Self::Hawk(refusal) => answers::unauthorized(&refusal.www_authenticate()),
            Self::Signature if intake.hawk.is_some() => answers::unauthorized("Hawk"),
            Self::Signature => answers::not_authenticated(),
        }
    }
}

/// Adds `Server-Authorization`, which covers the answer's body.
fn signed(response: ServiceResponse<BoxBody>, verified: &Verified) -> ServiceResponse<BoxBody> {
    let mut header = None;
    let mut response = response.map_body(|head, body| {
        let content_type =
            head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // Every answer is in memory; one that is not could not be signed.
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
