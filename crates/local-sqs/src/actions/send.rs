//! SendMessage, SendMessageBatch.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::batch::{self, BatchAnswer};
use crate::{
    attributes::{self, Attributes},
    broker::Broker,
    error::{ApiError, Code},
    journal::SentMessage,
    queue::{Queue, now_ms},
    queue_settings::QueueSettings,
    record::{Extras, Record},
};

/// SQS's limit for the total size of a batch, in bytes.
const MAX_BATCH_BYTES: usize = 1_048_576;

/// A message to send, alone (then `id` is absent) or as an entry of a batch. Members for FIFO
/// queues are ignored.
///
/// There is no `Debug`, because it would show the body.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message {
    queue_url: Option<String>,
    id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<Attributes>,
    message_system_attributes: Option<Attributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch {
    queue_url: Option<String>,
    entries: Option<Vec<Message>>,
}

/// The answer for a message that is stored. The MD5s are lower-case hex.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Sent {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_md5: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    system_md5: Option<String>,
}

/// A message that passed the checks.
struct Checked {
    id: Option<String>,
    delay_ms: i64,
    record: Arc<Record>,
}

pub(crate) async fn send_message(broker: &Arc<Broker>, request: Message) -> Result<Sent, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let checked = check_message(Message { id: None, ..request }, &queue.settings())?;
    let mut sent = store_messages(broker, &queue, vec![checked]).await?;
    sent.pop().ok_or_else(ApiError::internal)
}

/// Sends the valid entries in one change; the others are in `Failed`.
pub(crate) async fn send_message_batch(
    broker: &Arc<Broker>,
    request: Batch,
) -> Result<BatchAnswer<Sent>, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let entries = request.entries.unwrap_or_default();
    batch::check_entry_ids(entries.iter().map(|entry| entry.id.as_deref().unwrap_or_default()))?;
    let bytes: usize = entries.iter().map(size).sum();
    if bytes > MAX_BATCH_BYTES {
        return Err(ApiError::new(
            Code::BatchRequestTooLong,
            format!(
                "Batch requests cannot be longer than {MAX_BATCH_BYTES} bytes. \
                 You have sent {bytes} bytes."
            ),
        ));
    }
    let settings = queue.settings();
    let mut answer = BatchAnswer::new();
    let mut checked = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = entry.id.clone().unwrap_or_default();
        match check_message(entry, &settings) {
            Ok(message) => checked.push(message),
            Err(error) => answer.add_failure(id, error),
        }
    }
    if !checked.is_empty() {
        answer.successful = store_messages(broker, &queue, checked).await?;
    }
    Ok(answer)
}

fn check_message(message: Message, settings: &QueueSettings) -> Result<Checked, ApiError> {
    let bytes = size(&message);
    let body = message
        .message_body
        .filter(|body| !body.is_empty())
        .ok_or_else(|| ApiError::missing("MessageBody"))?;
    let attributes = message.message_attributes.unwrap_or_default();
    let system = message.message_system_attributes.unwrap_or_default();
    attributes::check_attributes(&attributes)?;
    attributes::check_system_attributes(&system)?;
    if !attributes::has_only_allowed_characters(&body) {
        return Err(ApiError::new(
            Code::InvalidMessageContents,
            "Invalid characters found. Valid unicode characters are \
             #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ));
    }
    let most = settings.maximum_message_size;
    if i64::try_from(bytes).map_or(true, |bytes| bytes > most) {
        return Err(ApiError::new(
            Code::InvalidParameterValue,
            format!(
                "One or more parameters are invalid. \
                 Reason: Message must be shorter than {most} bytes."
            ),
        ));
    }
    let delay = message.delay_seconds.unwrap_or(settings.delay);
    if !(0..=900).contains(&delay) {
        return Err(ApiError::parameter(
            "DelaySeconds",
            delay,
            "DelaySeconds must be >= 0 and <= 900.",
        ));
    }
    let record = Arc::new(Record::new(body, Extras { attributes, system }, None));
    Ok(Checked { id: message.id, delay_ms: delay * 1000, record })
}

async fn store_messages(
    broker: &Arc<Broker>,
    queue: &Arc<Queue>,
    checked: Vec<Checked>,
) -> Result<Vec<Sent>, ApiError> {
    let sent_ms = now_ms();
    let first = broker.new_message_ids(checked.len());
    let (mut answers, mut messages) =
        (Vec::with_capacity(checked.len()), Vec::with_capacity(checked.len()));
    for (id, Checked { id: entry_id, delay_ms, record }) in (first..).zip(checked) {
        let extras = record.extras.as_deref();
        answers.push(Sent {
            id: entry_id,
            message_id: broker.public_ids.message_id(id),
            body_md5: record.body_md5.clone(),
            attributes_md5: extras.and_then(|extras| attributes::md5(&extras.attributes)),
            system_md5: extras.and_then(|extras| attributes::md5(&extras.system)),
        });
        messages.push(SentMessage {
            id,
            queue: queue.id,
            sent_ms,
            due_ms: sent_ms + delay_ms,
            record,
        });
    }
    broker.send_messages(queue, messages).await?;
    Ok(answers)
}

/// The size in bytes as SQS counts it. System attributes do not count.
fn size(message: &Message) -> usize {
    message.message_body.as_ref().map_or(0, String::len)
        + message.message_attributes.as_ref().map_or(0, attributes::size)
}
