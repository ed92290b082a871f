//! Faults that local-sqs injects on demand, as `crates/local-sqs/src/faults.rs` describes them.
//!
//! ```
//! use std::time::Duration;
//! use test_kit::{fault::Fault, stack::INVALID};
//!
//! let unavailable = Fault::on("SendMessageBatch").error(503, "ServiceUnavailable").times(2);
//! let slow = Fault::on_all().delay(Duration::from_millis(700)).probability(0.2).seed(7);
//! let lost = Fault::on("DeleteMessageBatch").lost_reply().queue(INVALID);
//! let partial = Fault::on("SendMessageBatch").entries_fail([0, 3], "InternalError");
//! ```

use std::{fmt, time::Duration};

use serde_json::{Map, Value, json};

/// One fault and the requests that it applies to: all requests of its action, until the other
/// methods narrow it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a fault does nothing until it is added to local-sqs"]
pub struct Fault(Map<String, Value>);

/// The requests that a fault is for. The next method says what goes wrong with them.
#[derive(Clone, Debug)]
#[must_use = "this says only where, not what"]
pub struct FaultOn(&'static str);

impl Fault {
    /// A fault in this action of SQS, for example `SendMessageBatch`.
    pub fn on(action: &'static str) -> FaultOn {
        FaultOn(action)
    }

    /// A fault in every action.
    pub fn on_all() -> FaultOn {
        FaultOn("*")
    }

    /// Only in requests about this queue.
    pub fn queue(self, name: &str) -> Self {
        self.with("queue", name)
    }

    /// Only in the first requests, this many.
    pub fn times(self, count: u64) -> Self {
        self.with("times", count)
    }

    /// From 0 to 1, for each request; for [`FaultOn::any_entries_fail`], for each entry.
    pub fn probability(self, probability: f64) -> Self {
        self.with("probability", probability)
    }

    /// Makes the probability repeatable.
    pub fn seed(self, seed: u64) -> Self {
        self.with("seed", seed)
    }

    /// The answer blames the sender, so that a client does not try again.
    pub fn blamed_on_sender(self) -> Self {
        self.with("sender_fault", true)
    }

    /// The rule as the fault endpoint of local-sqs reads it.
    pub fn rule(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }
}

impl FaultOn {
    /// An error answer with this status and code; nothing is done.
    pub fn error(self, status: u16, code: &str) -> Fault {
        self.kind("error").with("status", status).with("code", code)
    }

    /// 500 `InternalFailure`; nothing is done.
    pub fn internal_failure(self) -> Fault {
        self.error(500, "InternalFailure")
    }

    /// 503 `ServiceUnavailable`; nothing is done.
    pub fn service_unavailable(self) -> Fault {
        self.error(503, "ServiceUnavailable")
    }

    /// 400 `ThrottlingException`; nothing is done.
    pub fn throttled(self) -> Fault {
        self.error(400, "ThrottlingException")
    }

    /// 403 `AccessDeniedException`; nothing is done.
    pub fn access_denied(self) -> Fault {
        self.error(403, "AccessDeniedException")
    }

    /// The connection is closed without an answer; nothing is done.
    pub fn reset(self) -> Fault {
        self.kind("reset")
    }

    /// The server never answers; nothing is done.
    pub fn hang(self) -> Fault {
        self.kind("hang")
    }

    /// The work is done at once, and the answer comes this much later.
    pub fn delay(self, delay: Duration) -> Fault {
        self.kind("delay").with("ms", milliseconds(delay))
    }

    /// The work is done this much later.
    pub fn delay_before_work(self, delay: Duration) -> Fault {
        self.delay(delay).with("before", true)
    }

    /// The work is done, and then the connection is closed without an answer.
    pub fn lost_reply(self) -> Fault {
        self.kind("lost_reply")
    }

    /// `ReceiveMessage`: the messages stay visible, so that the next receive gets them again.
    pub fn duplicate(self) -> Fault {
        self.kind("duplicate")
    }

    /// These entries of a batch, counted from 0, fail with this code; the others are done.
    pub fn entries_fail(self, entries: impl IntoIterator<Item = usize>, code: &str) -> Fault {
        let entries: Vec<usize> = entries.into_iter().collect();
        self.kind("partial").with("code", code).with("entries", entries)
    }

    /// Each entry of a batch may fail with this code, by [`Fault::probability`].
    pub fn any_entries_fail(self, code: &str) -> Fault {
        self.kind("partial").with("code", code)
    }

    fn kind(self, kind: &str) -> Fault {
        let mut rule = Map::new();
        rule.insert("action".to_owned(), json!(self.0));
        rule.insert("kind".to_owned(), json!(kind));
        Fault(rule)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.rule())
    }
}
