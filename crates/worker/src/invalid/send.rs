//! Sends messages back to the form queue.

use std::time::Duration;

use domain::{Message, Received};
use queue::{Cause, Queue, SqsError};
use tokio::time::Instant;

/// The time limit of one send, including its second attempt.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Sends all of them, each with the number of times that it was sent back, if that is known.
/// Returns one result for each, in order.
pub async fn send(
    form: &Queue,
    messages: &[(&Received, Option<i32>)],
) -> Vec<Result<(), SqsError>> {
    let limit = form.max_message_size().unwrap_or(usize::MAX);
    let with_attributes: Vec<_> = messages
        .iter()
        .map(|(received, times_sent)| Message::for_redrive(received, *times_sent, limit))
        .collect();
    let mut results = send_all(form, &with_attributes).await;
    // The queue does not report its limit, or the limit has changed: send only the body and the
    // ids.
    let too_long = |result: &Result<(), SqsError>| matches!(result, Err(error) if error.cause() == Cause::TooLong);
    let again = results.iter_mut().zip(messages).filter(|(result, _)| too_long(result));
    let (places, with_ids_only): (Vec<_>, Vec<_>) = again
        .map(|(place, (received, _))| (place, Message::for_redrive(received, None, 0)))
        .unzip();
    for (place, result) in places.into_iter().zip(send_all(form, &with_ids_only).await) {
        *place = result;
    }
    results
}

async fn send_all(form: &Queue, messages: &[Message]) -> Vec<Result<(), SqsError>> {
    form.send_all(messages, SEND_WITHIN, Instant::now() + SEND_WITHIN).await
}
