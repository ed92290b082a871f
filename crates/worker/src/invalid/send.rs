//! Sends messages back to the form queue.

use std::time::Duration;

use domain::{Message, Received};
use queue::{Cause, Queue, SqsError};
use tokio::time::Instant;

/// The time limit of one send, including its second attempt.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// What became of a message that was to be sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// SQS has confirmed it.
    Confirmed,
    /// SQS refuses it; another attempt would not help.
    Refused,
    /// It was not sent, and the others would fail too.
    Failed,
}

/// Sends all of them, each with the number of times that it was sent back, if that is known, and logs
/// each that is not sent. Returns what became of each, in order, and the error that ends the redrive
/// if any has failed.
pub async fn send_back(
    form: &Queue,
    messages: &[(&Received, Option<i32>)],
) -> (Vec<Sent>, Option<anyhow::Error>) {
    let mut failure = None;
    let results = send(form, messages).await.into_iter().zip(messages);
    let sent = results
        .map(|(result, (received, _))| {
            let Err(error) = result else { return Sent::Confirmed };
            log::error!(
                message_id = received.message_id,
                submission_id = received.submission_id().map(|id| id.to_string()),
                traceparent = received.traceparent(),
                error:% = error;
                "A message could not be sent back."
            );
            match error.cause() {
                Cause::TooLong | Cause::Refused => Sent::Refused,
                Cause::Unavailable | Cause::Denied | Cause::MissingQueue => {
                    failure = Some(error);
                    Sent::Failed
                }
            }
        })
        .collect();
    let in_queue = |error| anyhow::Error::new(error).context(format!("queue {}", form.name()));
    (sent, failure.map(in_queue))
}

async fn send(form: &Queue, messages: &[(&Received, Option<i32>)]) -> Vec<Result<(), SqsError>> {
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
