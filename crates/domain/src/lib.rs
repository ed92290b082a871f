//! What a submission is: its fields, its form type, the message it becomes on the queue, and why one is refused.
//!
//! Nothing here reads a clock, waits or talks to anything, so that api and worker share one reading of every byte.

// In the order in which a submission meets them.
mod encoding;
mod json;
mod multipart;
mod urlencoded;

mod fields;
mod limits;

mod form_type;
mod form_types;
mod refusal;
mod schema;
mod schema_faults;
mod schema_rules;

mod submission;

mod attributes;
mod message;
mod received;
mod record;

pub use attributes::{AttributeValue, Attributes};
pub use encoding::{Encoding, UnsupportedMediaType};
pub use fields::Fields;
pub use form_type::FormType;
pub use form_types::FormTypes;
pub use message::Message;
pub use received::{Decoded, Received};
pub use record::Record;
pub use refusal::{Fault, Refusal};
pub use schema::BadSchema;
pub use submission::Submission;
