//! Decodes the messages of a poll, in the poller's task: so polls decode in parallel, and a slow
//! decoder is not taken for a slow database.

use domain::{FormType, Record, Refusal};
use queue::Delivery;
use tokio::task::spawn_blocking;

use crate::caught::caught;

/// More than this takes milliseconds to decode, during which the thread could serve nothing else.
const BLOCKING_BYTES: usize = 64 << 10;

/// Why a message has no record.
#[derive(Clone, Debug)]
pub enum Undecoded {
    /// Its body cannot be decoded, or is not a valid form of its type.
    Refused(Refusal),
    /// The decoder panicked: a bug in the program, which the panic hook has logged.
    Panicked,
}

/// A delivery and its record. If there is a record, the body is there and no longer in the delivery.
pub type Decoded = (Delivery, Result<Record, Undecoded>);

/// Decodes all, in their order.
pub async fn decode_all(deliveries: Vec<Delivery>, form_type: &FormType) -> Vec<Decoded> {
    let bytes: usize = deliveries.iter().map(|delivery| delivery.received.body.len()).sum();
    if bytes <= BLOCKING_BYTES {
        return decode_each(deliveries, form_type);
    }
    let form_type = form_type.clone();
    // No decoder panics here, so this fails only if the process is about to end. SQS then delivers
    // the messages again.
    spawn_blocking(move || decode_each(deliveries, &form_type)).await.unwrap_or_default()
}

fn decode_each(deliveries: Vec<Delivery>, form_type: &FormType) -> Vec<Decoded> {
    let decode_one = |mut delivery: Delivery| {
        let decoded = caught(|| decode(&delivery, form_type)).unwrap_or(Err(Undecoded::Panicked));
        if decoded.is_ok() {
            delivery.received.body = String::new();
        }
        (delivery, decoded)
    };
    deliveries.into_iter().map(decode_one).collect()
}

fn decode(delivery: &Delivery, form_type: &FormType) -> Result<Record, Undecoded> {
    let received = &delivery.received;
    let decoded = received.decode(form_type).map_err(Undecoded::Refused)?;
    if !decoded.unreadable.is_empty() {
        log::warn!(
            message_id = received.message_id,
            submission_id = received.submission_id().map(|id| id.to_string()),
            traceparent = received.traceparent(),
            attributes = decoded.unreadable.join(",");
            "Some attributes of a message cannot be read and count as absent."
        );
    }
    Ok(decoded.record)
}
