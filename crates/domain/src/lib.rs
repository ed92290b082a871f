//! A submission: its fields, its form type, its message on the queue, and the reasons to refuse it.
//!
//! Nothing here reads a clock, waits or does I/O, so api and worker interpret every byte in the
//! same way.

// The modules are in the order in which a submission passes through them.
mod encoding;

mod canonical;
mod json;
mod pairs;

mod multipart;
mod urlencoded;

mod fields;
mod limits;
mod storable;

mod form_type;
mod form_types;
mod refusal;
mod schema;
mod schema_digest;
mod tree;

mod submission;

mod attributes;
mod invalid_message;
mod message;
mod received;
mod record;

pub use attributes::{AttributeValue, Attributes};
pub use encoding::{Encoding, UnsupportedMediaType};
pub use fields::Fields;
pub use form_type::FormType;
pub use form_types::FormTypes;
pub use invalid_message::{InvalidMessage, NO_REASON};
pub use message::Message;
pub use received::{Decoded, Received};
pub use record::Record;
pub use refusal::{Fault, Refusal};
pub use schema::{BadSchema, Property, PropertyType};
pub use schema_digest::SchemaDigest;
pub use submission::Submission;
