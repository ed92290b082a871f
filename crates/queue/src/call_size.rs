//! How many messages fit into one `SendMessageBatch` call.

use domain::{AttributeValue, Message};

use crate::MAX_ENTRIES;

/// The front end of SQS refuses a longer HTTP request with 413, before SQS looks at the messages.
/// The figure is the one it names in its answer; nobody outside Amazon knows whether it has grown.
const MAX_REQUEST_BYTES: usize = 1_662_976;
/// The sum of all messages in one call that every server accepts, for a queue whose own limit is unknown.
const ANY_QUEUE_ACCEPTS: usize = 262_144;
/// For the queue's URL and the braces around the entries.
const ENVELOPE_BYTES: usize = 1024;
/// For the member names around a body or an attribute.
const PER_ITEM_BYTES: usize = 128;
/// A control character becomes `\u0000`; nothing else grows as much.
const WORST_GROWTH: usize = 6;

/// The size of the call that is being filled.
pub(crate) struct CallSize {
    entries: usize,
    /// Bodies and attributes, as SQS counts them.
    bytes: usize,
    max_bytes: usize,
    /// An upper bound of the HTTP request.
    request_bytes: usize,
}

impl CallSize {
    /// An empty call. SQS accepts as much in all messages of a call as in one message.
    pub(crate) fn new(max_message_size: Option<usize>) -> Self {
        let max_bytes = max_message_size.unwrap_or(ANY_QUEUE_ACCEPTS);
        Self { entries: 0, bytes: 0, max_bytes, request_bytes: ENVELOPE_BYTES }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries >= MAX_ENTRIES
    }

    /// Counts the message in if it fits. The first one always does: SQS judges it by itself.
    pub(crate) fn add(&mut self, message: &Message) -> bool {
        let (bytes, request_bytes) = (message.size(), request_bytes(message));
        let fits = self.bytes + bytes <= self.max_bytes
            && self.request_bytes + request_bytes <= MAX_REQUEST_BYTES;
        if self.is_full() || (self.entries > 0 && !fits) {
            return false;
        }
        self.entries += 1;
        self.bytes += bytes;
        self.request_bytes += request_bytes;
        true
    }
}

/// Splits messages into calls, in their order.
pub(crate) fn split(mut messages: &[Message], max_message_size: Option<usize>) -> Vec<&[Message]> {
    let mut calls = Vec::new();
    while !messages.is_empty() {
        let mut size = CallSize::new(max_message_size);
        let count = messages.iter().take_while(|message| size.add(message)).count();
        let (call, rest) = messages.split_at(count);
        calls.push(call);
        messages = rest;
    }
    calls
}

/// An upper bound of the bytes that the message takes in the request, in which it is escaped JSON.
fn request_bytes(message: &Message) -> usize {
    let items = PER_ITEM_BYTES * (1 + message.attributes.len());
    let at_most = message.size() * WORST_GROWTH;
    // Ten messages of this size fit in any case: there is no need to look at their characters.
    if (at_most + items) * MAX_ENTRIES + ENVELOPE_BYTES <= MAX_REQUEST_BYTES {
        return at_most + items;
    }
    let attributes = message.attributes.iter().map(|(name, value)| match value {
        AttributeValue::Text { data_type, value } => {
            escaped(name) + escaped(data_type) + escaped(value)
        }
        // Base64.
        AttributeValue::Binary { data_type, value } => {
            escaped(name) + escaped(data_type) + value.len().div_ceil(3) * 4
        }
    });
    escaped(&message.body) + attributes.sum::<usize>() + items
}

fn escaped(text: &str) -> usize {
    let added = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 1,
        0..=0x1f => WORST_GROWTH - 1,
        _ => 0,
    });
    text.len() + added.sum::<usize>()
}
