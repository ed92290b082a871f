//! The only code that knows SQS: find or create queues, send, receive, settle.
//!
//! Errors of this layer are [`SqsError`]; a stale receipt handle is not one, see [`Settled`].

// A queue is found, then messages are sent to it, received from it and settled.
mod connection;
mod payload_hash;
mod policy;
mod queue_finder;

mod batch;
mod batching_sender;
mod send_batch;

mod receive;
mod settle;

mod error;
pub mod metrics;
pub mod settings;

pub use batching_sender::{SendPace, Sender};
pub use connection::Connection;
pub use error::{Cause, SqsError};
pub use queue_finder::{QueueFinder, QueueNames, QueuePair};
pub use receive::{Delivery, Poll, ReceiptHandle};
pub use settle::Settled;

/// SQS takes 10 entries in a batch call.
pub const MAX_ENTRIES: usize = 10;

/// A queue that was found, and the connection to use it.
#[derive(Clone)]
pub struct Queue {
    connection: Connection,
    name: String,
    url: String,
    max_message_size: Option<usize>,
}

impl Queue {
    /// Its name with any prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its `MaximumMessageSize` in bytes of body and attributes, `None` where SQS would not tell.
    pub fn max_message_size(&self) -> Option<usize> {
        self.max_message_size
    }
}
