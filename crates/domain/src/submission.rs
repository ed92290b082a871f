//! One form that somebody sent.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{fields::Fields, form_type::FormType};

/// One form that somebody sent, checked against its type and on its way to the queue.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Made by the api; the same submission has the same id however often it arrives.
    pub id: Uuid,
    /// Its type, which says the queue.
    pub form_type: FormType,
    /// When the api took it.
    pub received_at: DateTime<Utc>,
    /// W3C Trace Context of the request that brought it.
    pub traceparent: String,
    /// What was posted.
    pub fields: Fields,
}
