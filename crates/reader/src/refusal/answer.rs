//! Counts, logs and answers a refusal.

use std::{borrow::Cow, fmt, ops::RangeInclusive};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use log::Level;
use serde_json::json;

use super::{Cause, Refusal};
use crate::{metrics, settings::Scheme};

/// Seconds after which a client may try again. Each client gets another number, so that those that
/// were refused together do not come back together.
const RETRY_AFTER: RangeInclusive<u32> = 5..=10;

/// What a challenge names; clients show it to people.
const REALM: &str = "form data";

impl Refusal {
    /// Counts and logs the refusal, and makes its answer.
    pub fn answer(&self) -> HttpResponse {
        let reason = self.reason();
        metrics::count_refusal(reason.code);
        self.log();

        let detail = self.detail();
        let mut answer = HttpResponse::build(reason.status);
        match self {
            Self::TooManyRequests(wait) => {
                answer.insert_header((header::RETRY_AFTER, wait.as_secs() + 1));
            }
            Self::Method(allowed) => {
                answer.insert_header((header::ALLOW, *allowed));
            }
            _ if reason.status == StatusCode::SERVICE_UNAVAILABLE => {
                answer.insert_header((header::RETRY_AFTER, rand::random_range(RETRY_AFTER)));
            }
            _ => {}
        }
        answer
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(format!(
                "{}\n",
                json!({
                    "type": format!("/docs/errors/{}", reason.code),
                    "title": reason.title,
                    "status": reason.status.as_u16(),
                    "detail": detail,
                    "error": detail,
                })
            ))
    }

    /// The answer to a request that is not recognised, with a challenge for each scheme that is on.
    pub fn challenge(&self, schemes: &[Scheme]) -> HttpResponse {
        let mut answer = self.answer();
        if let Self::NotRecognised(cause) = self {
            for scheme in schemes {
                let challenge = match (scheme, cause) {
                    (Scheme::Hawk, Cause::Hawk(refusal)) => refusal.www_authenticate(),
                    (Scheme::Hawk, _) => "Hawk".into(),
                    (Scheme::Bearer, _) => format!("Bearer realm=\"{REALM}\"").into(),
                    (Scheme::Basic, _) => {
                        Cow::from(format!("Basic realm=\"{REALM}\", charset=\"UTF-8\""))
                    }
                };
                if let Ok(challenge) = header::HeaderValue::from_str(&challenge) {
                    answer.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
                }
            }
        }
        answer
    }

    fn detail(&self) -> String {
        match self {
            Self::Parameter(parameter) => parameter.to_string(),
            Self::Body(sentence) => (*sentence).to_owned(),
            Self::Format(text) => text.clone(),
            Self::Method(allowed) => format!("This route has the methods {allowed}."),
            _ => format!("{}.", self.reason().title),
        }
    }

    /// A stable word for the log.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Database(cause) => cause,
            _ => self.reason().code,
        }
    }

    fn log(&self) {
        let reason = self.reason();
        match self {
            Self::NotRecognised(cause) => {
                metrics::count_not_recognised(cause.code());
                log::info!(cause = cause.code(); "Refused a request without valid credentials.");
            }
            Self::Database(_) => log::warn!(cause = self.cause(); "Cannot read rows."),
            _ => {
                let level =
                    if reason.status.is_server_error() { Level::Warn } else { Level::Debug };
                log::log!(level, cause = reason.code; "Refused a request.");
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason().title)
    }
}

/// What a handler returns.
impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.reason().status
    }

    fn error_response(&self) -> HttpResponse {
        self.answer()
    }
}
