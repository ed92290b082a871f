//! Why a request is refused: each reason's code, status, sentence and description are here.
//!
//! Reading the body, authentication and submission return a [`Refusal`]. [`Refusal::answer`] counts
//! it, logs it and makes the answer; nothing else does. The OpenAPI document, the metrics and the
//! reference page read [`reasons`].

mod answer;
mod hawk;

#[cfg(test)]
mod tests;

use actix_web::http::StatusCode;
use queue::Cause;
use uuid::Uuid;

use crate::form_queue::NotSent;

/// Why a request is refused, in the order of the checks.
#[derive(Debug)]
pub enum Refusal {
    ContentEncoding,
    BodyTooLong {
        limit: usize,
    },
    BodyBrokeOff,
    BodiesInFlight,
    SlowBodyDropped,
    BodyTooSlow,
    /// Hawk is off, and the signature of 2016 is missing or wrong.
    Signature,
    Hawk(hawk_auth::Refusal),
    IdempotencyKey,
    /// No form has this media type; holds the sentence for the sender.
    MediaType(String),
    /// The form type takes JSON only.
    NotJson,
    Form(domain::Refusal),
    NotSent {
        submission_id: Uuid,
        why: NotSent,
    },
}

/// A reason for refusals.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// In log lines, in the metric's label and in alerts, so it never changes.
    pub code: &'static str,
    pub status: StatusCode,
    /// The sentence of the answer; braces stand for a value of the request.
    pub detail: &'static str,
    /// When it happens: a sentence for the OpenAPI document and the reference page.
    pub when: &'static str,
    pub check: Check,
    /// Its counter exists from the start, because `increase` misses a counter's first event.
    pub starts_at_zero: bool,
}

/// The check that finds the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Body,
    /// Runs if Hawk is off.
    Signature,
    /// Runs if Hawk is on.
    Hawk,
    /// Runs on routes that take forms.
    Form,
}

const TRY_AGAIN: &str = "The submission could not be accepted. Please send it again.";

const CONTENT_ENCODING: Reason = Reason {
    code: "content_encoding",
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    detail: "Encoded bodies are not accepted: send the body without Content-Encoding.",
    when: "The body has a `Content-Encoding`, such as gzip.",
    check: Check::Body,
    starts_at_zero: false,
};
const BODY_TOO_LONG: Reason = Reason {
    code: "body_too_long",
    status: StatusCode::PAYLOAD_TOO_LARGE,
    detail: "The request's body is longer than {limit} bytes.",
    when: "The body is larger than `MAX_BODY_BYTES`.",
    check: Check::Body,
    starts_at_zero: false,
};
const BODY_BROKE_OFF: Reason = Reason {
    code: "body_broke_off",
    status: StatusCode::BAD_REQUEST,
    detail: "The request's body did not arrive completely.",
    when: "The connection broke off before the whole body had arrived.",
    check: Check::Body,
    starts_at_zero: false,
};
const BODIES_IN_FLIGHT: Reason = Reason {
    code: "bodies_in_flight",
    status: StatusCode::SERVICE_UNAVAILABLE,
    detail: TRY_AGAIN,
    when: "With this body, the bodies in flight would be larger than `BODIES_IN_FLIGHT_BYTES`; a \
           quarter of that is for bodies up to 64 KiB only.",
    check: Check::Body,
    starts_at_zero: true,
};
const SLOW_BODY_DROPPED: Reason = Reason {
    code: "slow_body_dropped",
    status: StatusCode::SERVICE_UNAVAILABLE,
    detail: TRY_AGAIN,
    when: "The bodies in flight were as large as `BODIES_IN_FLIGHT_BYTES` allows, and of those \
           above 64 KiB this one arrived most slowly.",
    check: Check::Body,
    starts_at_zero: true,
};
const BODY_TOO_SLOW: Reason = Reason {
    code: "body_too_slow",
    status: StatusCode::REQUEST_TIMEOUT,
    detail: "The request took too long to arrive.",
    when: "The body took longer than `BODY_TIMEOUT_SECONDS` to arrive, or for 10 s it was slower \
           than `BODY_MIN_BYTES_PER_SECOND`.",
    check: Check::Body,
    starts_at_zero: false,
};
const SIGNATURE_WRONG: Reason = Reason {
    code: "signature_wrong",
    status: StatusCode::BAD_REQUEST,
    detail: "PFO",
    when: "`X-Signature` is missing or wrong, and `INTAKE_AUTH` does not include Hawk.",
    check: Check::Signature,
    starts_at_zero: true,
};
const IDEMPOTENCY_KEY: Reason = Reason {
    code: "idempotency_key",
    status: StatusCode::BAD_REQUEST,
    detail: "Idempotency-Key must be one value of 1 to 255 visible ASCII characters.",
    when: "`Idempotency-Key` is not a valid key, or the request has two.",
    check: Check::Form,
    starts_at_zero: false,
};
const MEDIA_TYPE: Reason = Reason {
    code: "media_type",
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    detail: "Unsupported media type \"{media type}\" in request.",
    when: "The `Content-Type` is none of the media types of forms.",
    check: Check::Form,
    starts_at_zero: false,
};
const NOT_JSON: Reason = Reason {
    detail: "Forms of this type must be sent as application/json.",
    when: "The `Content-Type` is not JSON, and the form type accepts only JSON.",
    ..MEDIA_TYPE
};
const FORM: Reason = Reason {
    code: "code of the first error",
    status: StatusCode::BAD_REQUEST,
    detail: "{errors by field}",
    when: "The form cannot be read or stored, or is not valid for its form type.",
    check: Check::Form,
    starts_at_zero: false,
};
const TOO_MANY_VALUES: Reason = Reason {
    code: "too_many_values",
    status: StatusCode::PAYLOAD_TOO_LARGE,
    detail: "The form has too many values or objects to be checked.",
    when: "Checking the form against the schema of its type would take more than 16 MiB of memory.",
    ..FORM
};
const QUEUE_NOT_FOUND: Reason = Reason {
    code: "queue_not_found",
    status: StatusCode::SERVICE_UNAVAILABLE,
    detail: TRY_AGAIN,
    when: "The api has not found the form queue yet.",
    check: Check::Form,
    starts_at_zero: true,
};
const TOO_LONG_FOR_QUEUE: Reason = Reason {
    code: "too_long_for_queue",
    status: StatusCode::PAYLOAD_TOO_LARGE,
    detail: "The submission is too long for the queue.",
    when: "The message made from the form is larger than the queue accepts.",
    check: Check::Form,
    starts_at_zero: false,
};
const SQS_REFUSED: Reason = Reason {
    code: "sqs_refused",
    status: StatusCode::INTERNAL_SERVER_ERROR,
    detail: "The submission could not be accepted.",
    when: "SQS rejects the message as invalid, which is a bug in the api.",
    check: Check::Form,
    starts_at_zero: false,
};
const SQS_UNAVAILABLE: Reason = Reason {
    code: "sqs_unavailable",
    status: StatusCode::SERVICE_UNAVAILABLE,
    detail: TRY_AGAIN,
    when: "SQS does not confirm the message within `SQS_SEND_TIMEOUT_SECONDS`, denies access, or \
           no longer has the queue.",
    check: Check::Form,
    starts_at_zero: true,
};

/// Every reason, in the order of the checks.
pub fn reasons() -> Vec<Reason> {
    let body = [
        CONTENT_ENCODING,
        BODY_TOO_LONG,
        BODY_BROKE_OFF,
        BODIES_IN_FLIGHT,
        SLOW_BODY_DROPPED,
        BODY_TOO_SLOW,
    ];
    let form = [IDEMPOTENCY_KEY, MEDIA_TYPE, NOT_JSON, FORM, TOO_MANY_VALUES];
    let queue = [QUEUE_NOT_FOUND, TOO_LONG_FOR_QUEUE, SQS_REFUSED, SQS_UNAVAILABLE];
    [&body, &[SIGNATURE_WRONG][..], &hawk::reasons(), &form, &queue].concat()
}

impl Refusal {
    fn reason(&self) -> Reason {
        match self {
            Self::ContentEncoding => CONTENT_ENCODING,
            Self::BodyTooLong { .. } => BODY_TOO_LONG,
            Self::BodyBrokeOff => BODY_BROKE_OFF,
            Self::BodiesInFlight => BODIES_IN_FLIGHT,
            Self::SlowBodyDropped => SLOW_BODY_DROPPED,
            Self::BodyTooSlow => BODY_TOO_SLOW,
            Self::Signature => SIGNATURE_WRONG,
            Self::Hawk(refusal) => hawk::reason(refusal),
            Self::IdempotencyKey => IDEMPOTENCY_KEY,
            Self::MediaType(_) => MEDIA_TYPE,
            Self::NotJson => NOT_JSON,
            Self::Form(domain::Refusal::TooManyValues) => TOO_MANY_VALUES,
            Self::Form(refusal) => Reason { code: refusal.code(), ..FORM },
            Self::NotSent { why: NotSent::NoQueue, .. } => QUEUE_NOT_FOUND,
            Self::NotSent { why: NotSent::Failed(error), .. } => match error.cause() {
                Cause::TooLong => TOO_LONG_FOR_QUEUE,
                Cause::Refused => SQS_REFUSED,
                Cause::Unavailable | Cause::Denied | Cause::MissingQueue => SQS_UNAVAILABLE,
            },
        }
    }
}
