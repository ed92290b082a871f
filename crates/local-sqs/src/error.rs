//! Error answers in the words and codes of SQS's JSON protocol.
//!
//! This is the only error type that clients see. Internal causes (SQLite, a thread that ended) are
//! logged where they happen and become [`Code::InternalFailure`].

use std::fmt;

/// An error answer: a code for programs, and a sentence for people.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) message: String,
}

/// The kinds of error answer, named as in the service model if it has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InternalFailure,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MessageNotInflight,
    MissingParameter,
    OverLimit,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    Serialization,
    TooManyEntriesInBatchRequest,
    UnknownOperation,
}

impl Code {
    /// The member `__type` of the answer's body.
    ///
    /// Errors of the service model have its namespace; the others come from the framework in front
    /// of SQS.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Code::BatchEntryIdsNotDistinct => "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
            Code::BatchRequestTooLong => "com.amazonaws.sqs#BatchRequestTooLong",
            Code::EmptyBatchRequest => "com.amazonaws.sqs#EmptyBatchRequest",
            Code::InternalFailure => "com.amazon.coral.service#InternalFailure",
            Code::InvalidAttributeName => "com.amazonaws.sqs#InvalidAttributeName",
            Code::InvalidAttributeValue => "com.amazonaws.sqs#InvalidAttributeValue",
            Code::InvalidBatchEntryId => "com.amazonaws.sqs#InvalidBatchEntryId",
            Code::InvalidMessageContents => "com.amazonaws.sqs#InvalidMessageContents",
            Code::InvalidParameterValue => {
                "com.amazon.coral.service#InvalidParameterValueException"
            }
            Code::MessageNotInflight => "com.amazonaws.sqs#MessageNotInflight",
            Code::MissingParameter => "com.amazon.coral.service#MissingRequiredParameterException",
            Code::OverLimit => "com.amazonaws.sqs#OverLimit",
            Code::QueueDoesNotExist => "com.amazonaws.sqs#QueueDoesNotExist",
            Code::QueueNameExists => "com.amazonaws.sqs#QueueNameExists",
            Code::ReceiptHandleIsInvalid => "com.amazonaws.sqs#ReceiptHandleIsInvalid",
            Code::Serialization => "com.amazon.coral.service#SerializationException",
            Code::TooManyEntriesInBatchRequest => "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
            Code::UnknownOperation => "com.amazon.coral.service#UnknownOperationException",
        }
    }

    /// The code of the older query protocol, which SDKs show to their users (header
    /// `x-amzn-query-error`).
    pub(crate) fn query_code(self) -> &'static str {
        match self {
            Code::BatchEntryIdsNotDistinct => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            Code::BatchRequestTooLong => "AWS.SimpleQueueService.BatchRequestTooLong",
            Code::EmptyBatchRequest => "AWS.SimpleQueueService.EmptyBatchRequest",
            Code::InternalFailure => "InternalFailure",
            Code::InvalidAttributeName => "InvalidAttributeName",
            Code::InvalidAttributeValue => "InvalidAttributeValue",
            Code::InvalidBatchEntryId => "AWS.SimpleQueueService.InvalidBatchEntryId",
            Code::InvalidMessageContents => "InvalidMessageContents",
            Code::InvalidParameterValue => "InvalidParameterValue",
            Code::MessageNotInflight => "AWS.SimpleQueueService.MessageNotInflight",
            Code::MissingParameter => "MissingParameter",
            Code::OverLimit => "OverLimit",
            Code::QueueDoesNotExist => "AWS.SimpleQueueService.NonExistentQueue",
            Code::QueueNameExists => "QueueAlreadyExists",
            Code::ReceiptHandleIsInvalid => "ReceiptHandleIsInvalid",
            Code::Serialization => "SerializationException",
            Code::TooManyEntriesInBatchRequest => {
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
            }
            Code::UnknownOperation => "UnknownOperationException",
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Code::InternalFailure => 500,
            Code::UnknownOperation => 404,
            _ => 400,
        }
    }

    /// Whether the same request would fail the same way again.
    pub(crate) fn is_sender_fault(self) -> bool {
        self != Code::InternalFailure
    }
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        ApiError { code, message: message.into() }
    }

    /// An invalid value of a parameter, in the words of SQS.
    pub(crate) fn parameter(name: &str, value: impl fmt::Display, reason: &str) -> Self {
        ApiError::new(
            Code::InvalidParameterValue,
            format!("Value {value} for parameter {name} is invalid. Reason: {reason}"),
        )
    }

    /// A required member is absent, or empty, which SQS treats the same way.
    pub(crate) fn missing(name: &str) -> Self {
        ApiError::new(
            Code::MissingParameter,
            format!("The request must contain the parameter {name}."),
        )
    }

    pub(crate) fn no_such_queue() -> Self {
        ApiError::new(Code::QueueDoesNotExist, "The specified queue does not exist.")
    }

    /// The cause is logged where it happens.
    pub(crate) fn internal() -> Self {
        ApiError::new(
            Code::InternalFailure,
            "The queue could not write to or read from its storage.",
        )
    }
}
