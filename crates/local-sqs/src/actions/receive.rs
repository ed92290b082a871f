//! ReceiveMessage, with its long poll.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::attributes::{self, AttributeValue};
use crate::broker::Broker;
use crate::error::{ApiError, Code};
use crate::queue::{Queue, now_ms};
use crate::queue_settings::ACCOUNT;
use crate::receipt::Receipt;
use crate::record::Record;
use crate::state::{Delivered, Rules, Taken};

/// SQS's limit for messages in flight per standard queue.
const MAX_IN_FLIGHT: usize = 120_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The older name of the next.
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Received {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

/// No `Debug` of the body.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    body_md5: String,
    #[serde(serialize_with = "serialize_body", rename = "Body")]
    record: Arc<Record>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, AttributeValue>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Message").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

fn serialize_body<S: serde::Serializer>(
    record: &Arc<Record>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&record.body)
}

/// Up to `MaxNumberOfMessages` messages, as soon as there is one, waiting up to `WaitTimeSeconds` for it.
///
/// A poll whose client goes away takes nothing: it is dropped with its connection.
pub(crate) async fn receive(
    broker: &Arc<Broker>,
    request: ReceiveMessage,
) -> Result<Received, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let settings = queue.settings();
    let most = in_range("MaxNumberOfMessages", request.max_number_of_messages, 1, 10)?.unwrap_or(1);
    let invisible = in_range("VisibilityTimeout", request.visibility_timeout, 0, 43_200)?;
    let wait = in_range("WaitTimeSeconds", request.wait_time_seconds, 0, 20)?
        .unwrap_or(settings.wait_time);
    let delivered = poll(broker, &queue, most, invisible, wait).await?;
    let ids: Vec<i64> = delivered.iter().map(|delivered| delivered.id).collect();
    let contents = match broker.contents(&ids).await {
        Ok(contents) => contents,
        Err(error) => {
            give_back(&queue, &delivered);
            return Err(error);
        }
    };
    let mut messages = Vec::with_capacity(delivered.len());
    for (delivered, record) in delivered.into_iter().zip(contents) {
        match record {
            Some(record) => messages.push(describe(broker, &queue, delivered, record, &request)),
            // It was deleted between its delivery and now.
            None => queue.with_state(|state, _| state.remove(delivered.id)),
        }
    }
    Ok(Received { messages })
}

async fn poll(
    broker: &Arc<Broker>,
    queue: &Arc<Queue>,
    most: i64,
    invisible: Option<i64>,
    wait: i64,
) -> Result<Vec<Delivered>, ApiError> {
    let deadline = Instant::now() + Duration::from_secs(u64::try_from(wait).unwrap_or_default());
    loop {
        // Enabled before the look at the queue, so that a message which arrives after the look is noticed.
        let mut changed = std::pin::pin!(queue.changed());
        changed.as_mut().enable();
        if queue.is_deleted() {
            return Err(ApiError::no_such_queue());
        }
        let delivered = take(broker, queue, most, invisible)?;
        if !delivered.is_empty() || Instant::now() >= deadline || broker.closing.is_cancelled() {
            return Ok(delivered);
        }
        let until = match queue.with_state(|state, _| state.next_due_ms()) {
            Some(due_ms) => deadline.min(Instant::now() + time_until(due_ms)),
            None => deadline,
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(until) => {}
            () = broker.closing.cancelled() => {}
        }
    }
}

fn take(
    broker: &Arc<Broker>,
    queue: &Arc<Queue>,
    most: i64,
    invisible: Option<i64>,
) -> Result<Vec<Delivered>, ApiError> {
    // Read at each look, since they may change during a long poll.
    let settings = queue.settings();
    // Without its dead-letter queue a message stays where it is.
    let redrive = settings.redrive.as_ref().and_then(|redrive| {
        broker.queue(&redrive.dead_letter_queue).map(|queue| (queue, redrive.max_receives))
    });
    let rules = Rules {
        max_messages: usize::try_from(most).unwrap_or(1),
        invisible_ms: invisible.unwrap_or(settings.visibility_timeout) * 1000,
        retention_ms: settings.retention * 1000,
        max_receives: redrive.as_ref().map(|(_, most)| *most),
    };
    let taken = queue.with_state(|state, now_ms| {
        if state.counts().in_flight >= MAX_IN_FLIGHT {
            return None;
        }
        Some(state.take(rules, now_ms, || broker.new_receive()))
    });
    let Some(Taken { delivered, expired, exhausted }) = taken else {
        return Err(ApiError::new(
            Code::OverLimit,
            format!("There are {MAX_IN_FLIGHT} messages in flight, which is the most."),
        ));
    };
    // Not waited for: it would be too old after a restart as well.
    drop(broker.discard(&expired));
    if let Some((dead_letter_queue, _)) = redrive {
        broker.bury(queue, &dead_letter_queue, exhausted);
    }
    Ok(delivered)
}

/// Makes messages visible whose contents could not be read.
fn give_back(queue: &Queue, delivered: &[Delivered]) {
    queue.with_state(|state, now_ms| {
        for delivered in delivered {
            // A message that stands otherwise by now needs nothing.
            let _ = state.change_visibility(delivered.id, delivered.receive, 0, now_ms);
        }
    });
}

fn describe(
    broker: &Broker,
    queue: &Queue,
    delivered: Delivered,
    record: Arc<Record>,
    request: &ReceiveMessage,
) -> Message {
    let receipt = Receipt { queue: queue.id, message: delivered.id, receive: delivered.receive };
    let patterns = request.message_attribute_names.as_deref().unwrap_or_default();
    let message_attributes: BTreeMap<String, AttributeValue> = record
        .extras
        .iter()
        .flat_map(|extras| &extras.attributes)
        .filter(|(name, _)| attributes::is_wanted(name, patterns))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Message {
        message_id: broker.names.message_id(delivered.id),
        receipt_handle: broker.names.handle(receipt),
        body_md5: record.body_md5.clone(),
        attributes: system_attributes(delivered, &record, request),
        // As in SQS: over the attributes that are given here, not over all that were sent.
        attributes_md5: attributes::md5(&message_attributes),
        message_attributes,
        record,
    }
}

fn system_attributes(
    delivered: Delivered,
    record: &Record,
    request: &ReceiveMessage,
) -> BTreeMap<&'static str, String> {
    let names = [&request.attribute_names, &request.message_system_attribute_names];
    let is_wanted = |name: &str| {
        names.into_iter().flatten().flatten().any(|wanted| wanted == "All" || wanted == name)
    };
    let history = delivered.history;
    let trace = record
        .extras
        .as_ref()
        .and_then(|extras| attributes::text(&extras.system, "AWSTraceHeader"));
    [
        ("ApproximateReceiveCount", Some(history.receives.to_string())),
        ("ApproximateFirstReceiveTimestamp", history.first_receive_ms.map(|time| time.to_string())),
        ("SentTimestamp", Some(history.sent_ms.to_string())),
        ("SenderId", Some(ACCOUNT.to_owned())),
        ("DeadLetterQueueSourceArn", record.source.as_deref().map(str::to_owned)),
        ("AWSTraceHeader", trace.map(str::to_owned)),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.filter(|_| is_wanted(name)).map(|value| (name, value)))
    .collect()
}

fn time_until(due_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(due_ms - now_ms()).unwrap_or_default())
}

/// A number in its range; `None` where it was not given.
pub(super) fn in_range(
    name: &str,
    value: Option<i64>,
    least: i64,
    most: i64,
) -> Result<Option<i64>, ApiError> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            let reason = format!("Must be between {least} and {most}, if provided.");
            Err(ApiError::parameter(name, value, &reason))
        }
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Modified;

    #[tokio::test]
    async fn nothing_more_is_received_when_the_most_messages_are_in_flight() {
        let broker = Broker::in_memory();
        let modified = Modified { settings: Arc::default(), modified_ms: 0 };
        let queue = Arc::new(Queue::new(1, "q".to_owned(), 0, modified));
        broker.insert_queue(Arc::clone(&queue));
        queue.with_state(|state, now_ms| {
            for id in 0..=120_000 {
                state.add(id, now_ms, now_ms, now_ms);
            }
        });
        let most = i64::try_from(MAX_IN_FLIGHT).unwrap();
        assert_eq!(take(&broker, &queue, most, None).unwrap().len(), MAX_IN_FLIGHT);
        let request = serde_json::from_str(r#"{"QueueUrl":"q"}"#).unwrap();
        assert_eq!(receive(&broker, request).await.unwrap_err().code, Code::OverLimit);
    }
}
