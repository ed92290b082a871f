//! How calls to SQS fail, as far as a caller can act on it.

use std::{error::Error, fmt, iter};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::{
    error::{ProvideErrorMetadata, SdkError},
    types::BatchResultErrorEntry,
};
use thiserror::Error;

/// Why a call, or one entry of a call, failed. `Display` shows the code of SQS, and never the body of a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{operation} failed: {cause}{detail}")]
pub struct SqsError {
    operation: &'static str,
    cause: Cause,
    detail: String,
    is_of_entry: bool,
    is_throttling: bool,
}

/// The kind of failure, by what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// SQS is unreachable, slow, throttling or broken: try again.
    Unavailable,
    /// Credentials or rights: a person has to act.
    Denied,
    /// The queue does not exist.
    MissingQueue,
    /// The message is longer than the queue takes.
    TooLong,
    /// SQS refuses this entry, and will each time it is sent.
    Refused,
}

impl SqsError {
    /// The kind of failure.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether one entry of a call failed, and not the whole call.
    pub(crate) fn is_of_entry(&self) -> bool {
        self.is_of_entry
    }

    /// Whether SQS answers, and only wants fewer requests.
    pub(crate) fn is_throttling(&self) -> bool {
        self.is_throttling
    }

    pub(crate) fn new(operation: &'static str, cause: Cause, detail: impl fmt::Display) -> Self {
        Self {
            operation,
            cause,
            detail: format!(" ({detail})"),
            is_of_entry: false,
            is_throttling: false,
        }
    }

    /// A whole call that failed.
    pub(crate) fn from_call<E>(operation: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        // The front end of SQS refuses a long request by itself, in plain text.
        if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 413) {
            return Self::new(operation, Cause::TooLong, "HTTP status 413");
        }
        let SdkError::ServiceError(service) = error else {
            let (cause, why) = why_no_reply(error);
            return Self::new(operation, cause, why);
        };
        let error = service.err();
        let code = error.code().unwrap_or("an answer without a code");
        let cause = cause_of(code, error.message().unwrap_or_default());
        // This message says which right on which queue is missing; messages about signatures can hold a session token.
        if code.contains("AccessDenied") {
            let words: String = error.message().unwrap_or_default().chars().take(300).collect();
            return Self::new(
                operation,
                cause,
                format_args!("{code}: {}", words.replace(['\r', '\n'], " ")),
            );
        }
        let is_throttling = code.contains("Throttl") || code == "RequestLimitExceeded";
        Self { is_throttling, ..Self::new(operation, cause, code) }
    }

    /// One entry of a batch call that was answered with 200.
    pub(crate) fn from_entry(operation: &'static str, entry: &BatchResultErrorEntry) -> Self {
        let mut cause = cause_of(entry.code(), entry.message().unwrap_or_default());
        if !entry.sender_fault() && cause == Cause::Refused {
            cause = Cause::Unavailable;
        }
        Self { is_of_entry: true, ..Self::new(operation, cause, entry.code()) }
    }

    /// SQS does not mention the entry in its answer, which does not count as success.
    pub(crate) fn no_result(operation: &'static str) -> Self {
        Self::new(operation, Cause::Unavailable, "SQS gave no result for the entry")
    }
}

fn cause_of(code: &str, message: &str) -> Cause {
    // A code comes bare, or with the prefix of the old query protocol.
    let code = code.rsplit(['.', '#']).next().unwrap_or(code);
    match code {
        "NonExistentQueue" | "QueueDoesNotExist" => Cause::MissingQueue,
        "AccessDenied"
        | "AccessDeniedException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "InvalidAccessKeyId"
        | "NotAuthorized"
        | "OptInRequired"
        | "InvalidSecurity"
        | "KmsAccessDenied" => Cause::Denied,
        "BatchRequestTooLong" => Cause::TooLong,
        "InvalidParameterValue" | "InvalidParameterValueException"
            if message.contains("shorter than") || message.contains("too long") =>
        {
            Cause::TooLong
        }
        "InvalidParameterValue"
        | "InvalidParameterValueException"
        | "InvalidMessageContents"
        | "UnsupportedOperation"
        | "InvalidAttributeValue"
        | "InvalidAttributeName"
        | "ValidationException"
        | "MissingParameter"
        | "QueueNameExists"
        | "ReceiptHandleIsInvalid"
        | "MessageNotInflight" => Cause::Refused,
        _ => Cause::Unavailable,
    }
}

/// Why the answer is missing: the innermost error says it best, such as `connection refused`.
fn why_no_reply<E: Error + 'static>(error: &SdkError<E>) -> (Cause, String) {
    let chain = || iter::successors(Some(error as &dyn Error), |error| (*error).source());
    let innermost = chain().last().map(ToString::to_string).unwrap_or_default();
    let innermost = innermost.lines().next().unwrap_or_default().trim_end_matches(" Attempted:");
    if chain().any(|error| error.is::<CredentialsError>()) {
        // What the SDK says names the last source that it has tried, such as the metadata address of an instance.
        let what_to_do = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance, task or pod a role";
        return (
            Cause::Denied,
            format!("no credentials: {what_to_do}; the AWS SDK says: {innermost}"),
        );
    }
    let why = match error {
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::ResponseError(_) => "an answer that is not SQS's",
        _ => innermost,
    };
    (Cause::Unavailable, why.to_owned())
}

impl Cause {
    /// Words that anyone may see.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Unavailable => "SQS is not available",
            Self::Denied => "access is denied",
            Self::MissingQueue => "the queue does not exist",
            Self::TooLong => "the message is too long",
            Self::Refused => "SQS refuses it",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.in_words())
    }
}
