//! Counts, logs and answers a refusal.

use std::{borrow::Cow, ops::RangeInclusive};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use log::Level;
use queue::Cause;
use serde_json::json;
use service::trace::TraceParent;

use super::{Reason, Refusal};
use crate::{
    form_queue::{FormQueue, NotSent},
    metrics,
};

/// Seconds after which a client may try again, if the request itself was fine. Each client gets
/// another number, so that those that were refused together do not come back together.
const RETRY_AFTER: RangeInclusive<u32> = 5..=10;

impl Refusal {
    /// Counts and logs the refusal, and makes its answer.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let reason = self.reason();
        metrics::count_refusal(reason.code);
        self.log(&reason, request);

        let mut answer = HttpResponse::build(reason.status);
        match (self, reason.status) {
            (_, StatusCode::SERVICE_UNAVAILABLE) => {
                answer.insert_header((header::RETRY_AFTER, rand::random_range(RETRY_AFTER)));
            }
            (Self::Hawk(refusal), _) => {
                answer.insert_header((header::WWW_AUTHENTICATE, &*refusal.www_authenticate()));
            }
            _ => {}
        }
        match self {
            Self::Signature => answer.content_type("text/html; charset=utf-8").body(reason.detail),
            Self::Form(refusal) => answer.json(refusal.to_json()),
            _ => answer.json(json!({ "detail": self.detail(&reason) })),
        }
    }

    fn detail(&self, reason: &Reason) -> Cow<'_, str> {
        match self {
            Self::BodyTooLong { limit } => {
                reason.detail.replace("{limit}", &limit.to_string()).into()
            }
            Self::MediaType(sentence) => sentence.into(),
            _ => reason.detail.into(),
        }
    }

    fn log(&self, reason: &Reason, request: &HttpRequest) {
        let cause = reason.code;
        let form_queue = request.app_data::<web::Data<FormQueue>>();
        let form_type = form_queue.map_or("none", |queue| queue.form_type().name());
        let extensions = request.extensions();
        let traceparent = extensions.get::<TraceParent>().map_or("", TraceParent::as_str);
        match self {
            Self::Signature | Self::Hawk(_) => {
                let method = request.method().as_str();
                log::info!(method, cause; "Refused a request that is not signed correctly.");
            }
            Self::Form(reason) => {
                log::info!(form_type, reason:%, traceparent; "Refused a form.");
            }
            Self::NotSent { submission_id, why: NotSent::NoQueue } => log::warn!(
                submission_id:%, form_type, traceparent;
                "A form could not be sent: the queue was not found yet."
            ),
            Self::NotSent { submission_id, why: NotSent::Failed(error) } => {
                let (level, sentence) = match error.cause() {
                    Cause::TooLong => {
                        (Level::Info, "Refused a form that is too long for the queue.")
                    }
                    Cause::Refused => {
                        (Level::Error, "SQS rejected a form: this is a bug in the program.")
                    }
                    Cause::Unavailable | Cause::Denied | Cause::MissingQueue => {
                        (Level::Warn, "A form could not be sent.")
                    }
                };
                log::log!(
                    level, submission_id:%, form_type, traceparent, error:%; "{sentence}"
                );
            }
            _ => log::debug!(cause, traceparent; "Refused a request."),
        }
    }
}
