//! The only code that knows SQS: finds or creates queues, sends, receives and settles.
//!
//! [`QueueFinder`] finds a queue, and [`Queue`] is the whole contract with it. [`Sender`] sends many messages at a time.
//! Errors of this layer are [`SqsError`]; a stale receipt handle is not an error, see [`Settled`].

pub mod settings;

mod connection;
mod created_queues;
mod payload_hash;
mod policy;
mod queue_address;
mod queue_finder;

mod queue;
mod recent_sends;
mod size_limit;

mod attributes;
mod deviation;
mod look_up;
mod watch;

mod batch;
mod call_size;
mod send_batch;
mod sender;

mod receive;
mod settle;

mod error;
pub mod metrics;

pub use connection::Connection;
pub use created_queues::CreatedQueues;
pub use error::{Cause, SqsError};
pub use queue::Queue;
pub use queue_finder::{QueueFinder, QueueNames, QueuePair};
pub use receive::{Delivery, Poll, ReceiptHandle};
pub use recent_sends::{LatestSend, RecentSends};
pub use sender::{SendPace, Sender};
pub use settle::Settled;
pub use watch::LOOK_EVERY;

/// SQS takes 10 entries in a batch call.
pub const MAX_ENTRIES: usize = 10;
