//! Checks who signed a request: first what the head shows, and then the body.

use std::time::SystemTime;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName, HeaderValue},
};
use hawk_auth::{SignedHead, Verified};

use crate::{refusal::Refusal, repeats::Repeat, settings::IntakeSettings, signature};

/// How a request is signed, if its body is the signed one.
pub enum Head {
    /// With the signature of 2016, which covers head and body together. The refusal is for a
    /// signature that is wrong.
    Signature { refusal: Refusal },
    /// With Hawk. The body's hash is signed.
    Hawk(Box<SignedHead>),
}

/// Checks everything that does not need the body, so that the bodies of others are not read.
///
/// # Errors
/// The request is not signed, or not correctly.
pub fn check_head(intake: &IntakeSettings, request: &HttpRequest) -> Result<Head, Refusal> {
    let refusal = match &intake.hawk {
        None => Refusal::Signature,
        Some(hawk) => match hawk.verify_head(&hawk_head(intake, request), unix_seconds()) {
            Ok(head) => return Ok(Head::Hawk(Box::new(head))),
            Err(refusal @ (hawk_auth::Refusal::NoHeader | hawk_auth::Refusal::AnotherScheme)) => {
                Refusal::Hawk(refusal)
            }
            Err(refusal) => return Err(Refusal::Hawk(refusal)),
        },
    };
    // A request without a Hawk header may have the signature of 2016, if that scheme is on too.
    if !intake.ui_secrets.is_empty() && signature::is_well_formed(signature_of(request)) {
        Ok(Head::Signature { refusal })
    } else {
        Err(refusal)
    }
}

impl Head {
    /// Checks the body. `None` if the signature of 2016 is right.
    ///
    /// # Errors
    /// The body is not the signed one.
    pub fn check_body(
        self,
        intake: &IntakeSettings,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<Option<Verified>, Refusal> {
        match self {
            Self::Signature { refusal } => {
                let (signature, path) = (signature_of(request), path_and_query(request));
                let is_good = signature::is_good(signature, path, body, &intake.ui_secrets);
                if is_good { Ok(None) } else { Err(refusal) }
            }
            Self::Hawk(head) => {
                // Without Hawk there is no such head.
                let hawk = intake.hawk.as_ref().ok_or(Refusal::Signature)?;
                let content_type = text(request, header::CONTENT_TYPE);
                hawk.verify_body(*head, content_type, body, unix_seconds())
                    .map(Some)
                    .map_err(Refusal::Hawk)
            }
        }
    }
}

/// Which earlier requests are the same submission as this one, which has a good signature of 2016.
pub fn find_repeat(intake: &IntakeSettings, request: &HttpRequest) -> Option<Repeat> {
    intake.repeats.as_ref()?.find(signature_of(request))
}

fn signature_of(request: &HttpRequest) -> &[u8] {
    request.headers().get(signature::HEADER).map(HeaderValue::as_bytes).unwrap_or_default()
}

fn path_and_query(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}

fn text(request: &HttpRequest, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn hawk_head<'a>(intake: &'a IntakeSettings, request: &'a HttpRequest) -> hawk_auth::Head<'a> {
    let mut authorization = request.headers().get_all(header::AUTHORIZATION);
    let first = authorization.next().map(HeaderValue::as_bytes);
    // With two headers nothing says which counts, so we pass a malformed value, which is refused.
    let authorization =
        if authorization.next().is_some() { Some(b"Hawk".as_slice()) } else { first };
    let (host, port) = match &intake.public_address {
        Some((host, port)) => (host.as_str(), *port),
        None => host_and_port(text(request, header::HOST)),
    };
    let (method, path_and_query) = (request.method().as_str(), path_and_query(request));
    hawk_auth::Head { authorization, method, path_and_query, host, port }
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
