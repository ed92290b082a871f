//! Gives every request a `traceparent` (W3C Trace Context), returns it as `X-Request-Id`, and
//! measures the request.

use std::time::{Duration, Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use crate::connections::InFlight;

/// The header of a request that belongs to a trace.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header of every answer.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A `traceparent`, 55 characters: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// The one that the request has, or a new one.
    pub fn of(request: &HttpRequest) -> Self {
        let mut values = request.headers().get_all(TRACEPARENT);
        // With two headers nothing says which counts, so we use neither.
        let sent = values
            .next()
            .filter(|_| values.next().is_none())
            .and_then(|value| Self::parse(value.as_bytes()));
        sent.unwrap_or_else(Self::generate)
    }

    /// `None` if the value is not a `traceparent` of version 00 as the specification defines it.
    fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace, parent, flags] = parts.as_slice() else { return None };
        let is_hex = |part: &str, length: usize| {
            part.len() == length
                && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        let is_id = |part: &str, length: usize| {
            is_hex(part, length) && part.bytes().any(|byte| byte != b'0')
        };
        let good = *version == "00" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
        good.then(|| Self(text.to_owned()))
    }

    /// Not sampled.
    fn generate() -> Self {
        let id = |least: u128, bits: u32| rand::random_range(least..=u128::MAX >> (128 - bits));
        Self(format!("00-{:032x}-{:016x}-00", id(1, 128), id(1, 64)))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Takes the route's pattern, the method, the status and the duration of each answer; a service has
/// it as `web::Data`.
#[derive(Clone, Copy, Debug)]
pub struct RecordAnswer(pub fn(String, &'static str, u16, Duration));

/// Middleware around everything: the handlers get the [`TraceParent`] as an extension, answers
/// return it, and [`RecordAnswer`] learns how long they took.
///
/// # Errors
/// Those of the handlers.
pub async fn trace<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    };
    let trace = TraceParent::of(request.request());
    let header = HeaderValue::from_str(trace.as_str());
    request.extensions_mut().insert(trace);
    let record = request.app_data::<web::Data<RecordAnswer>>().map(|record| record.0);
    let _in_flight = request.app_data::<web::Data<InFlight>>().map(|requests| requests.start());
    let mut response = next.call(request).await?;
    if let Ok(header) = header {
        response.headers_mut().insert(X_REQUEST_ID, header);
    }
    let route = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    if let Some(record) = record {
        record(route, method, response.status().as_u16(), started.elapsed());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_traceparent_is_accepted() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(good.as_bytes()).unwrap().as_str(), good);
        for bad in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad.as_bytes()), None, "{bad}");
        }
        let generated = TraceParent::generate();
        assert_eq!(TraceParent::parse(generated.as_str().as_bytes()), Some(generated));
    }
}
