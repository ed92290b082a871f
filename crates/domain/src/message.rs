//! A message to send: a submission to its form queue, a refused message to the invalid queue.

use std::fmt;

use chrono::SecondsFormat;

use crate::{
    attributes::{self, AttributeValue, Attributes},
    received::Received,
    submission::Submission,
};

/// The most attributes that SQS accepts.
const MAX_ATTRIBUTES: usize = 10;

/// A message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// On a form queue only the fields, as in 2016, so that the api and the worker can be replaced
    /// in either order.
    pub body: String,
    /// Information about the body.
    pub attributes: Attributes,
}

impl Message {
    /// The message that carries a submission on its form queue.
    pub fn from_submission(submission: Submission) -> Self {
        let received_at = submission.received_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Self {
            attributes: Attributes::from(
                [
                    (attributes::ID, submission.id.to_string()),
                    (attributes::FORM_TYPE, submission.form_type.name().to_owned()),
                    (attributes::RECEIVED_AT, received_at),
                    (attributes::TRACEPARENT, submission.traceparent.clone()),
                    (attributes::SCHEMA_DIGEST, submission.form_type.schema_digest().to_string()),
                ]
                .map(|(name, value)| (name.to_owned(), AttributeValue::string(value))),
            ),
            body: submission.fields.into_json(),
        }
    }

    /// Drops the digest of the schema if the message fits into `max_size` only without it: it must
    /// not keep a form from being accepted.
    #[must_use]
    pub fn make_room(mut self, max_size: usize) -> Self {
        if self.size() > max_size
            && let Some((name, digest)) = self.attributes.remove_entry(attributes::SCHEMA_DIGEST)
            && self.size() > max_size
        {
            self.attributes.insert(name, digest);
        }
        self
    }

    /// The message without the digest of the schema; `None` if it has none.
    pub fn without_schema_digest(mut self) -> Option<Self> {
        self.attributes.remove(attributes::SCHEMA_DIGEST).map(|_| self)
    }

    /// A refused message, ready for the invalid queue: the whole body, the reason, and the
    /// attributes it had.
    ///
    /// `max_size` is the invalid queue's `MaximumMessageSize` in bytes. If the message is too large
    /// for SQS, attributes are dropped, the least useful first.
    pub fn for_invalid_queue(received: &Received, reason: &str, max_size: usize) -> Self {
        let mut kept = received.attributes.clone();
        kept.insert(attributes::REASON.to_owned(), AttributeValue::string(reason));
        // A message that came back from the invalid queue earlier keeps its first id.
        let original = AttributeValue::string(received.first_message_id());
        kept.insert(attributes::ORIGINAL_MESSAGE_ID.to_owned(), original);
        Self { body: received.body.clone(), attributes: kept }.trim_to(max_size, None)
    }

    /// A message from the invalid queue, ready to go back to the form queue: it is as it was before
    /// it was set aside, plus the message id it had then. That id identifies it if it has no `id`
    /// of ours. A message that is kept also gets the number of times that it was sent back, so that
    /// late copies can be told from the latest.
    ///
    /// `max_size` is the form queue's `MaximumMessageSize` in bytes. If the message is too large
    /// for SQS, attributes are dropped, the least useful first, but never its identity: without
    /// that, a message that is sent back twice would be stored twice.
    pub fn for_redrive(received: &Received, times_sent: Option<i32>, max_size: usize) -> Self {
        let mut kept = received.attributes.clone();
        kept.remove(attributes::REASON);
        if let Some(times_sent) = times_sent {
            let number = AttributeValue::string(times_sent.to_string());
            kept.insert(attributes::TIMES_SENT.to_owned(), number);
        }
        let original = AttributeValue::string(received.first_message_id());
        kept.insert(attributes::ORIGINAL_MESSAGE_ID.to_owned(), original);
        let identity = if received.submission_id().is_some() {
            attributes::ID
        } else {
            attributes::ORIGINAL_MESSAGE_ID
        };
        Self { body: received.body.clone(), attributes: kept }.trim_to(max_size, Some(identity))
    }

    /// Drops attributes until the message fits, but never the attribute `needed`.
    fn trim_to(mut self, max_size: usize, needed: Option<&str>) -> Self {
        while self.attributes.len() > MAX_ATTRIBUTES || self.size() > max_size {
            let dispensable = self.attributes.keys().filter(|name| Some(name.as_str()) != needed);
            let Some(name) = dispensable.max_by_key(|name| drop_priority(name)).cloned() else {
                break;
            };
            self.attributes.remove(&name);
        }
        self
    }

    /// The size of body and attributes in bytes, as SQS compares it with `MaximumMessageSize`.
    pub fn size(&self) -> usize {
        attributes::size(&self.body, &self.attributes)
    }
}

/// Attributes with a higher priority are dropped first: first those that we did not write.
fn drop_priority(name: &str) -> usize {
    let most_useful_first = [
        attributes::ID,
        attributes::ORIGINAL_MESSAGE_ID,
        attributes::REASON,
        attributes::TIMES_SENT,
        attributes::RECEIVED_AT,
        attributes::FORM_TYPE,
        attributes::TRACEPARENT,
        attributes::SCHEMA_DIGEST,
    ];
    most_useful_first.iter().position(|known| *known == name).unwrap_or(most_useful_first.len())
}

/// Prints the length of the body instead of the body.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("body_bytes", &self.body.len())
            .field("attributes", &self.attributes)
            .finish()
    }
}
