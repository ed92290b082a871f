//! What is counted of the calls to SQS.

use std::time::Instant;

use metrics::{describe_gauge, describe_histogram, gauge, histogram};

use crate::error::{Cause, SqsError};

const SECONDS: &str = "form_data_sqs_call_seconds";
const MESSAGES: &str = "form_data_sqs_call_messages";
const UNDER_WAY: &str = "form_data_sqs_calls_under_way";

/// Says what each of them is.
pub fn describe() {
    describe_histogram!(
        SECONDS,
        "How long calls to SQS took, their retries included, by how they ended."
    );
    describe_histogram!(MESSAGES, "How many messages a call had.");
    describe_gauge!(UNDER_WAY, "Calls to SQS that are not answered yet.");
}

/// Makes a call with so many messages, and counts it.
pub(crate) async fn counted<T>(
    operation: &'static str,
    messages: usize,
    call: impl Future<Output = Result<T, SqsError>>,
) -> Result<T, SqsError> {
    let under_way = UnderWay::begin(operation);
    let started = Instant::now();
    let answer = call.await;
    let outcome = match answer.as_ref().err().map(SqsError::cause) {
        None => "ok",
        Some(Cause::Unavailable) => "unavailable",
        Some(Cause::Denied) => "denied",
        Some(Cause::MissingQueue) => "missing_queue",
        Some(Cause::TooLong) => "too_long",
        Some(Cause::Refused) => "refused",
    };
    histogram!(SECONDS, "operation" => operation, "outcome" => outcome).record(started.elapsed());
    received(operation, messages);
    drop(under_way);
    answer
}

/// A call had so many messages.
pub(crate) fn received(operation: &'static str, messages: usize) {
    if messages > 0 {
        histogram!(MESSAGES, "operation" => operation).record(messages as f64);
    }
}

/// Counts down also where a call is given up.
struct UnderWay(&'static str);

impl UnderWay {
    fn begin(operation: &'static str) -> Self {
        gauge!(UNDER_WAY, "operation" => operation).increment(1);
        Self(operation)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        gauge!(UNDER_WAY, "operation" => self.0).decrement(1);
    }
}
