//! The values that go in and out of a queue's state.

/// The past of a message as SQS shows it; kept when the message moves to a dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) sent_ms: i64,
    pub(crate) first_receive_ms: Option<i64>,
    /// Number of receives from all queues.
    pub(crate) receives: u32,
}

/// The rules of one receive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) max_messages: usize,
    pub(crate) invisible_ms: i64,
    pub(crate) retention_ms: i64,
    /// A message that was received this often moves to the dead-letter queue.
    pub(crate) max_receives: Option<u32>,
}

/// The messages that one receive took out of the queue.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) delivered: Vec<Delivered>,
    /// Older than the retention period; no longer in the queue.
    pub(crate) expired: Vec<i64>,
    /// Received too often; no longer in the queue.
    pub(crate) exhausted: Vec<(i64, History)>,
}

/// A message that is now in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) id: i64,
    pub(crate) receive: u64,
    pub(crate) history: History,
    /// Number of receives from this queue.
    pub(crate) receives_here: u32,
}

/// Why the visibility of a message was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// Deleted, or received again since.
    Stale,
    NotInFlight,
    /// More than twelve hours after its receive.
    TooLong,
}

/// The numbers of messages. SQS calls them approximate; here they are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
}
