//! Settings of queues and form types, for every service that uses queues.

mod form_types;
mod queue_names;
mod served_forms;
mod sqs;

pub use self::{
    queue_names::queue_names,
    served_forms::{ServedForm, ServedForms},
    sqs::SqsSettings,
};
