//! A message of the invalid queue as it is kept, and how it becomes a message again.

use std::fmt;

use uuid::Uuid;

use crate::{attributes, received::Received};

/// The reason of a message that has none: SQS itself moved it after too many deliveries, or it had
/// no room for one.
pub const NO_REASON: &str = "no_reason";

/// Somebody else may have written a reason, of any length.
const MAX_REASON: usize = 200;

/// A message of the invalid queue, ready to be kept. Its body is never read.
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidMessage {
    /// The name of the queue's form type.
    pub form_type: String,
    /// The id that the api gave, if the message has a readable one.
    pub submission_id: Option<Uuid>,
    /// The SQS message id that it had first.
    pub sqs_message_id: String,
    /// Exactly as it came.
    pub body: Vec<u8>,
    /// All attributes with their types, as JSON text.
    pub attributes: Vec<u8>,
    /// Why it was set aside, or `no_reason`.
    pub reason: String,
    /// The number that sending back has put on it.
    pub times_sent: Option<i32>,
}

impl InvalidMessage {
    /// Takes all of a message that arrived on the invalid queue of this form type.
    pub fn from_received(received: Received, form_type: &str) -> Self {
        Self {
            form_type: form_type.to_owned(),
            submission_id: received.submission_id(),
            sqs_message_id: received.first_message_id().to_owned(),
            attributes: attributes::to_json(&received.attributes).into_bytes(),
            reason: printable(received.reason().unwrap_or(NO_REASON)),
            times_sent: received.times_sent(),
            body: received.body.into_bytes(),
        }
    }

    /// The message as it arrived, under the id that it had first. `None` if somebody has changed its
    /// body or its attributes to something that no message can be.
    pub fn into_received(self) -> Option<Received> {
        Some(Received {
            message_id: self.sqs_message_id,
            body: String::from_utf8(self.body).ok()?,
            attributes: attributes::from_json(&self.attributes)?,
        })
    }

    /// The first word of the reason, if it looks like a code of ours: fit for a metric.
    pub fn reason_code(&self) -> &str {
        let code = self.reason.split(' ').next().unwrap_or_default();
        let is_code = (1..=40).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_code { code } else { "other" }
    }
}

/// PostgreSQL's text takes no NUL, and a terminal should take no other control character.
fn printable(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

/// Prints lengths instead of the content.
impl fmt::Debug for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidMessage")
            .field("form_type", &self.form_type)
            .field("submission_id", &self.submission_id)
            .field("sqs_message_id", &self.sqs_message_id)
            .field("body_bytes", &self.body.len())
            .field("attributes_bytes", &self.attributes.len())
            .field("times_sent", &self.times_sent)
            .finish()
    }
}
