//! ReceiveMessage, with its long poll.

use std::{collections::BTreeMap, fmt, pin::pin, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    attributes::{self, AttributeValue},
    broker::Broker,
    error::{ApiError, Code},
    queue::{Queue, now_ms},
    queue_settings::ACCOUNT,
    receipt::Receipt,
    record::Record,
    state::{Delivered, Rules, Taken},
};

/// SQS's limit for messages in flight per standard queue.
const MAX_IN_FLIGHT: usize = 120_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The older name of `message_system_attribute_names`.
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

/// `Debug` does not show the body.
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

impl fmt::Debug for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Message").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

fn serialize_body<S: serde::Serializer>(
    record: &Arc<Record>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&record.body)
}

/// Receives up to `MaxNumberOfMessages` messages, and waits up to `WaitTimeSeconds` for the first.
///
/// A poll whose client disconnects takes nothing: it is dropped with its connection.
pub(crate) async fn receive_message(
    broker: &Arc<Broker>,
    request: ReceiveMessage,
) -> Result<Received, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let settings = queue.settings();
    let most =
        check_range("MaxNumberOfMessages", request.max_number_of_messages, 1, 10)?.unwrap_or(1);
    let invisible = check_range("VisibilityTimeout", request.visibility_timeout, 0, 43_200)?;
    let wait = check_range("WaitTimeSeconds", request.wait_time_seconds, 0, 20)?
        .unwrap_or(settings.wait_time);
    let delivered = wait_for_messages(broker, &queue, most, invisible, wait).await?;
    let ids: Vec<i64> = delivered.iter().map(|delivered| delivered.id).collect();
    let contents = match broker.read_contents(&ids).await {
        Ok(contents) => contents,
        Err(error) => {
            release_messages(&queue, &delivered);
            return Err(error);
        }
    };
    let mut messages = Vec::with_capacity(delivered.len());
    for (delivered, record) in delivered.into_iter().zip(contents) {
        match record {
            Some(record) => messages.push(to_message(broker, &queue, delivered, record, &request)),
            // It was deleted after it was taken from the queue.
            None => queue.with_state(|state, _| state.remove_received(delivered.id)),
        }
    }
    Ok(Received { messages })
}

async fn wait_for_messages(
    broker: &Arc<Broker>,
    queue: &Arc<Queue>,
    most: i64,
    invisible: Option<i64>,
    wait: i64,
) -> Result<Vec<Delivered>, ApiError> {
    let deadline = Instant::now() + Duration::from_secs(u64::try_from(wait).unwrap_or_default());
    loop {
        // Enabled before looking at the queue, so that a message that arrives after the look wakes
        // this poll.
        let mut changed = pin!(queue.changed());
        changed.as_mut().enable();
        if queue.is_deleted() {
            return Err(ApiError::no_such_queue());
        }
        let delivered = take_messages(broker, queue, most, invisible)?;
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

fn take_messages(
    broker: &Arc<Broker>,
    queue: &Arc<Queue>,
    most: i64,
    invisible: Option<i64>,
) -> Result<Vec<Delivered>, ApiError> {
    // Read each time, because the settings may change during a long poll.
    let settings = queue.settings();
    // If the dead-letter queue is gone, messages stay in this queue.
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
        Some(state.take_visible(rules, now_ms, || broker.new_receive()))
    });
    let Some(Taken { delivered, expired, exhausted }) = taken else {
        return Err(ApiError::new(
            Code::OverLimit,
            format!("There are {MAX_IN_FLIGHT} messages in flight, which is the maximum."),
        ));
    };
    broker.journal.note_receives(&delivered);
    // No need to wait: after a restart these messages would be just as expired.
    drop(broker.discard_messages(&expired));
    if let Some((dead_letter_queue, _)) = redrive {
        broker.move_to_dead_letter_queue(queue, &dead_letter_queue, exhausted);
    }
    Ok(delivered)
}

/// Makes messages visible again if their contents could not be read.
fn release_messages(queue: &Queue, delivered: &[Delivered]) {
    queue.with_state(|state, now_ms| {
        for delivered in delivered {
            // Fails only if the message is no longer in flight, and then there is nothing to do.
            let _ = state.change_visibility(delivered.id, delivered.receive, 0, now_ms);
        }
    });
}

fn to_message(
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
        message_id: broker.public_ids.message_id(delivered.id),
        receipt_handle: broker.public_ids.receipt_handle(receipt),
        body_md5: record.body_md5.clone(),
        attributes: system_attributes(delivered, &record, request),
        // As in SQS, the MD5 covers only the attributes in this answer, not all attributes sent.
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
        .and_then(|extras| attributes::string_value(&extras.system, "AWSTraceHeader"));
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

/// Checks that a number, if given, is within its range.
pub(super) fn check_range(
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
    use crate::queue::CurrentSettings;

    #[tokio::test]
    async fn a_receive_is_refused_while_the_maximum_number_of_messages_is_in_flight() {
        let broker = Broker::in_memory();
        let settings = CurrentSettings { settings: Arc::default(), modified_ms: 0 };
        let queue = Arc::new(Queue::new(1, "q".to_owned(), 0, settings));
        broker.insert_queue(Arc::clone(&queue));
        queue.with_state(|state, now_ms| {
            for id in 0..=120_000 {
                state.add_sent(id, now_ms, now_ms, now_ms);
            }
        });
        let most = i64::try_from(MAX_IN_FLIGHT).unwrap();
        assert_eq!(take_messages(&broker, &queue, most, None).unwrap().len(), MAX_IN_FLIGHT);
        let request = serde_json::from_str(r#"{"QueueUrl":"q"}"#).unwrap();
        assert_eq!(receive_message(&broker, request).await.unwrap_err().code, Code::OverLimit);
    }
}
