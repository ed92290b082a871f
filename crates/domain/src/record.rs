//! A row for the store.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::schema_digest::SchemaDigest;

/// One decoded submission, ready to become a row of `forms`.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The name of the queue's form type.
    pub form_type: String,
    /// The id that the api gave. `None` if the 2016 web server sent the message, or a person did.
    pub submission_id: Option<Uuid>,
    /// The SQS message id, at most 255 characters. If the message came back from the invalid queue,
    /// this is its first id.
    pub sqs_message_id: String,
    /// When the api received the submission; `None` if the message does not say.
    pub received_at: Option<DateTime<Utc>>,
    /// The fields as JSON text, always an object.
    pub data: String,
    /// The schema that the api checked the fields against; `None` if the message does not say.
    pub schema_digest: Option<SchemaDigest>,
    /// The W3C Trace Context of the request; `None` if the message does not say.
    pub traceparent: Option<String>,
}

/// Prints the length of the data instead of the data.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("form_type", &self.form_type)
            .field("submission_id", &self.submission_id)
            .field("sqs_message_id", &self.sqs_message_id)
            .field("received_at", &self.received_at)
            .field("data_bytes", &self.data.len())
            .field("schema_digest", &self.schema_digest)
            .field("traceparent", &self.traceparent)
            .finish()
    }
}
