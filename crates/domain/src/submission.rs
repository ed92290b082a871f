//! One accepted form.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{fields::Fields, form_type::FormType};

/// One form that was checked against its form type, on its way to the queue.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Made by the api: new, or derived so that a repeated submission gets the same id.
    pub id: Uuid,
    /// The form type, which determines the queue.
    pub form_type: FormType,
    /// When the api received it.
    pub received_at: DateTime<Utc>,
    /// The W3C Trace Context of its request.
    pub traceparent: String,
    /// The posted fields.
    pub fields: Fields,
}
