//! What the worker hands to the store.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One submission, decoded and fit to be a row of `forms`.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Name of the form type, as the queue says it.
    pub form_type: String,
    /// The id that the api gave, `None` for a message of the 2016 web server or one pasted by hand.
    pub submission_id: Option<Uuid>,
    /// SQS message id, at most 255 characters; of a message sent back from the invalid queue, the id it had first.
    pub sqs_message_id: String,
    /// When the api took it, `None` where the message does not say.
    pub received_at: Option<DateTime<Utc>>,
    /// JSON text of the fields, an object.
    pub data: String,
}

/// Prints the length of the data, never the data.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("form_type", &self.form_type)
            .field("submission_id", &self.submission_id)
            .field("sqs_message_id", &self.sqs_message_id)
            .field("received_at", &self.received_at)
            .field("data_bytes", &self.data.len())
            .finish()
    }
}
