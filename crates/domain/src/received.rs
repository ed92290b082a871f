//! A message from a form queue, and how it becomes a record.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    attributes::{self, Attributes},
    fields::Fields,
    form_type::FormType,
    record::Record,
    refusal::Refusal,
    schema_digest::SchemaDigest,
    storable::is_storable_object,
};

/// SQS's own ids have 36 characters; the column holds 255, as in 2016.
const MAX_MESSAGE_ID: usize = 255;

/// A message as it arrived from a form queue.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// The message id from SQS, the same at each delivery.
    pub message_id: String,
    /// The body, which may be any text.
    pub body: String,
    /// The attributes it arrived with.
    pub attributes: Attributes,
}

/// A message that can be stored.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The row to store.
    pub record: Record,
    /// Our attributes that could not be read; they are treated as missing.
    pub unreadable: Vec<&'static str>,
}

impl Received {
    /// Decodes the message. Its queue determines its form type.
    ///
    /// If the message has our `id`, the api has already checked it against its form type, so here
    /// it only has to decode: a form type that changes during a rolling deploy loses nothing. Any
    /// other message is checked here.
    ///
    /// # Errors
    /// A body that is not a JSON object, that PostgreSQL cannot store, or that is not a valid form
    /// of its type.
    pub fn decode(&self, form_type: &FormType) -> Result<Decoded, Refusal> {
        let mut unreadable = Vec::new();
        let submission_id =
            self.read_attribute(attributes::ID, &mut unreadable, |text| Uuid::try_parse(text).ok());
        let received_at =
            self.read_attribute(attributes::RECEIVED_AT, &mut unreadable, parse_instant);
        let schema_digest =
            self.read_attribute(attributes::SCHEMA_DIGEST, &mut unreadable, SchemaDigest::parse);
        let traceparent =
            self.read_attribute(attributes::TRACEPARENT, &mut unreadable, parse_traceparent);
        if self.attributes.contains_key(attributes::ORIGINAL_MESSAGE_ID)
            && self.original_message_id().is_none()
        {
            unreadable.push(attributes::ORIGINAL_MESSAGE_ID);
        }

        if submission_id.is_none() || !is_storable_object(self.body.as_bytes()) {
            let fields = Fields::from_json(self.body.as_bytes())?;
            if submission_id.is_none() {
                form_type.check(&fields)?;
            }
        }
        let record = Record {
            form_type: form_type.name().to_owned(),
            submission_id,
            sqs_message_id: self.first_message_id().to_owned(),
            received_at,
            data: self.body.clone(),
            schema_digest,
            traceparent,
        };
        Ok(Decoded { record, unreadable })
    }

    /// The first message id: from before the message was set aside or sent back, or else its own.
    ///
    /// We trust the attribute. If someone sends different content under the id of another message,
    /// the worst result is that one of the two is set aside: nothing is overwritten, and a message
    /// is deleted only if exactly its content was stored.
    pub fn first_message_id(&self) -> &str {
        self.original_message_id().unwrap_or(&self.message_id)
    }

    /// What identifies the submission: our id, or else the first message id.
    pub fn identity(&self) -> String {
        self.submission_id().map_or_else(|| self.first_message_id().to_owned(), |id| id.to_string())
    }

    /// Why the message was set aside; `None` if it was not, or if the reason did not fit.
    pub fn reason(&self) -> Option<&str> {
        self.attributes.get(attributes::REASON)?.text()
    }

    /// How often the message was sent back, if it says so.
    pub fn times_sent(&self) -> Option<i32> {
        self.attributes.get(attributes::TIMES_SENT)?.text()?.parse().ok().filter(|n| *n > 0)
    }

    /// The id that the api gave the submission, if it is there and readable.
    pub fn submission_id(&self) -> Option<Uuid> {
        Uuid::try_parse(self.attributes.get(attributes::ID)?.text()?).ok()
    }

    fn original_message_id(&self) -> Option<&str> {
        self.attributes
            .get(attributes::ORIGINAL_MESSAGE_ID)?
            .text()
            .filter(|text| is_message_id(text))
    }

    /// The W3C Trace Context of the request that brought the form, if it is there and readable.
    pub fn traceparent(&self) -> Option<&str> {
        // If we did not send the message, this is not our text, and logs must not show it
        // unchecked.
        self.attributes.get(attributes::TRACEPARENT)?.text().filter(|text| is_traceparent(text))
    }

    /// The size of body and attributes in bytes, as SQS counts it.
    pub fn size(&self) -> usize {
        attributes::size(&self.body, &self.attributes)
    }

    fn read_attribute<T>(
        &self,
        name: &'static str,
        unreadable: &mut Vec<&'static str>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.attributes.get(name)?.text().and_then(read);
        if value.is_none() {
            unreadable.push(name);
        }
        value
    }
}

/// Parses RFC 3339.
fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

fn parse_traceparent(text: &str) -> Option<String> {
    is_traceparent(text).then(|| text.to_owned())
}

fn is_traceparent(text: &str) -> bool {
    text.len() == 55 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_message_id(text: &str) -> bool {
    (1..=MAX_MESSAGE_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Prints the length of the body instead of the body.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("message_id", &self.message_id)
            .field("body_bytes", &self.body.len())
            .field("attributes", &self.attributes)
            .finish()
    }
}
