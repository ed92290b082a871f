//! A message to be sent: what a submission becomes on the form queue, and a refused message on the invalid one.

use std::fmt;

use chrono::SecondsFormat;

use crate::{
    attributes::{self, AttributeValue, Attributes},
    received::Received,
    submission::Submission,
};

/// SQS takes at most so many attributes.
const MAX_ATTRIBUTES: usize = 10;

/// Body and attributes of a message to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// On a form queue the fields alone, as the 2016 service sent them, so that either side can be replaced first.
    pub body: String,
    /// What is said about the body.
    pub attributes: Attributes,
}

impl Message {
    /// What a submission becomes on its form queue.
    pub fn from_submission(submission: &Submission) -> Self {
        Self::with_body(submission, submission.fields.to_json())
    }

    /// The same, where the JSON text of the fields is there already.
    pub fn with_body(submission: &Submission, body: String) -> Self {
        let received_at = submission.received_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Self {
            body,
            attributes: Attributes::from(
                [
                    (attributes::ID, submission.id.to_string()),
                    (attributes::FORM_TYPE, submission.form_type.name().to_owned()),
                    (attributes::RECEIVED_AT, received_at),
                    (attributes::TRACEPARENT, submission.traceparent.clone()),
                ]
                .map(|(name, value)| (name.to_owned(), AttributeValue::string(value))),
            ),
        }
    }

    /// What a refused message becomes on the invalid queue: its body whole, the reason, and what it had.
    ///
    /// `max_size` is the invalid queue's `MaximumMessageSize` in bytes.
    /// Where all of it is too much for SQS, attributes are left out, the least telling first.
    pub fn invalid(received: &Received, reason: &str, max_size: usize) -> Self {
        let mut kept = received.attributes.clone();
        kept.insert(attributes::REASON.to_owned(), AttributeValue::string(reason));
        // A message that was sent back from the invalid queue before keeps the id it had first.
        let original = AttributeValue::string(received.first_message_id());
        kept.insert(attributes::ORIGINAL_MESSAGE_ID.to_owned(), original);
        Self { body: received.body.clone(), attributes: kept }.trim_to(max_size, None)
    }

    /// What a message of the invalid queue becomes on the form queue again: what it was before it was set aside,
    /// and the message id that it had then, by which it is known where it has no id of ours.
    ///
    /// `max_size` is the form queue's `MaximumMessageSize` in bytes. Where all of it is too much for SQS, attributes are
    /// left out, the least telling first, but never its identity: without that, sent twice it would be stored twice.
    pub fn sent_back(received: &Received, max_size: usize) -> Self {
        let mut kept = received.attributes.clone();
        kept.remove(attributes::REASON);
        let original = AttributeValue::string(received.first_message_id());
        kept.insert(attributes::ORIGINAL_MESSAGE_ID.to_owned(), original);
        let identity = if received.submission_id().is_some() {
            attributes::ID
        } else {
            attributes::ORIGINAL_MESSAGE_ID
        };
        Self { body: received.body.clone(), attributes: kept }.trim_to(max_size, Some(identity))
    }

    /// Without the attributes that are too much, of which `needed` is none.
    fn trim_to(mut self, max_size: usize, needed: Option<&str>) -> Self {
        while self.attributes.len() > MAX_ATTRIBUTES || self.size() > max_size {
            let dispensable = self.attributes.keys().filter(|name| Some(name.as_str()) != needed);
            let Some(name) = dispensable.max_by_key(|name| least_telling(name)).cloned() else {
                break;
            };
            self.attributes.remove(&name);
        }
        self
    }

    /// Bytes of body and attributes, as SQS counts them against `MaximumMessageSize`.
    pub fn size(&self) -> usize {
        attributes::size(&self.body, &self.attributes)
    }
}

fn least_telling(name: &str) -> usize {
    let most_telling_first = [
        attributes::ID,
        attributes::ORIGINAL_MESSAGE_ID,
        attributes::REASON,
        attributes::RECEIVED_AT,
        attributes::FORM_TYPE,
        attributes::TRACEPARENT,
    ];
    most_telling_first.iter().position(|known| *known == name).unwrap_or(most_telling_first.len())
}

/// Prints the length of the body, never the body.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("body_bytes", &self.body.len())
            .field("attributes", &self.attributes)
            .finish()
    }
}
