//! A message as it came from a form queue, and the record that it becomes.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    attributes::{self, Attributes},
    fields::Fields,
    form_type::FormType,
    record::Record,
    refusal::Refusal,
};

/// SQS's own ids have 36 characters; the column takes as many as in 2016.
const MAX_MESSAGE_ID: usize = 255;

/// A message as it came from a form queue.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// SQS's id of the message, the same at each delivery.
    pub message_id: String,
    /// The body, whatever it is.
    pub body: String,
    /// The attributes it had.
    pub attributes: Attributes,
}

/// A message that can be stored.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The row to be.
    pub record: Record,
    /// Names of our attributes that could not be read and count as absent.
    pub unreadable: Vec<&'static str>,
}

impl Received {
    /// Decodes the message; the queue it came from says its form type.
    ///
    /// One with our `id` was checked against its type at the edge and only has to decode,
    /// so that a change of a type in a rolling deploy loses nothing. Any other is checked here.
    ///
    /// # Errors
    /// A body that is not a JSON object, that PostgreSQL could not hold, or that is not a valid form of its type.
    pub fn decode(&self, form_type: &FormType) -> Result<Decoded, Refusal> {
        let mut unreadable = Vec::new();
        let submission_id =
            self.attribute(attributes::ID, &mut unreadable, |text| Uuid::try_parse(text).ok());
        let received_at = self.attribute(attributes::RECEIVED_AT, &mut unreadable, instant);
        if self.attributes.contains_key(attributes::ORIGINAL_MESSAGE_ID)
            && self.original_message_id().is_none()
        {
            unreadable.push(attributes::ORIGINAL_MESSAGE_ID);
        }

        let fields = Fields::from_json(self.body.as_bytes())?;
        if submission_id.is_none() {
            form_type.check(&fields)?;
        }
        let record = Record {
            form_type: form_type.name().to_owned(),
            submission_id,
            sqs_message_id: self.first_message_id().to_owned(),
            received_at,
            data: self.body.clone(),
        };
        Ok(Decoded { record, unreadable })
    }

    /// The message id that it had first: before it was set aside or sent back, or else its own.
    ///
    /// It is believed, because whoever sends a message of other content under somebody's id does no more than have one
    /// of the two set aside: nothing is overwritten, and nothing is deleted that was not stored with this very content.
    pub fn first_message_id(&self) -> &str {
        self.original_message_id().unwrap_or(&self.message_id)
    }

    /// What its submission is known by: our id, else the message id that it had first.
    pub fn identity(&self) -> String {
        self.submission_id().map_or_else(|| self.first_message_id().to_owned(), |id| id.to_string())
    }

    /// Why it was set aside, if it was and there was room to say so.
    pub fn reason(&self) -> Option<&str> {
        self.attributes.get(attributes::REASON)?.text()
    }

    /// Our id of its submission, if it has one that can be read.
    pub fn submission_id(&self) -> Option<Uuid> {
        Uuid::try_parse(self.attributes.get(attributes::ID)?.text()?).ok()
    }

    fn original_message_id(&self) -> Option<&str> {
        self.attributes
            .get(attributes::ORIGINAL_MESSAGE_ID)?
            .text()
            .filter(|text| is_message_id(text))
    }

    /// Its trace context, if it has one that looks right: the attribute may be anybody's text.
    pub fn traceparent(&self) -> Option<&str> {
        let trace = self.attributes.get(attributes::TRACEPARENT)?.text()?;
        let looks_right =
            trace.len() == 55 && trace.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        looks_right.then_some(trace)
    }

    /// Bytes of body and attributes, as SQS counts them.
    pub fn size(&self) -> usize {
        attributes::size(&self.body, &self.attributes)
    }

    fn attribute<T>(
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

/// RFC 3339.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

fn is_message_id(text: &str) -> bool {
    (1..=MAX_MESSAGE_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Prints the length of the body, never the body.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("message_id", &self.message_id)
            .field("body_bytes", &self.body.len())
            .field("attributes", &self.attributes)
            .finish()
    }
}
