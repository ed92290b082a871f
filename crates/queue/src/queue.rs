//! The contract with a queue, on one page.

use std::time::Duration;

use domain::Message;
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::{
    call_size,
    error::SqsError,
    look_up,
    queue_address::QueueAddress,
    receive::{self, Delivery, Poll, ReceiptHandle},
    recent_sends::RecentSends,
    send_batch,
    settle::{self, Settled},
    size_limit::SizeLimit,
};

/// A queue that was found, and the connection to use it. Cloning shares the connection.
///
/// SQS delivers every message at least once, in any order, and again unless it is deleted within its visibility
/// timeout. Every method can be called concurrently. How long it may take and how often it tries is in `policy`.
#[derive(Clone)]
pub struct Queue {
    pub(crate) address: QueueAddress,
    pub(crate) limit: SizeLimit,
    pub(crate) sends: RecentSends,
}

impl Queue {
    /// The name, with any prefix.
    pub fn name(&self) -> &str {
        &self.address.name
    }

    /// `MaximumMessageSize` in bytes of body and attributes, as it was when the queue was found, or later if
    /// [`Queue::watch`] runs. `None` if we may not read it; SQS then applies its limit to each send.
    pub fn max_message_size(&self) -> Option<usize> {
        self.limit.get()
    }

    /// How the last sends to this queue went.
    pub fn recent_sends(&self) -> &RecentSends {
        &self.sends
    }

    /// Asks SQS whether it knows this queue. Takes at most 1.5 s, so that a health page can wait for it.
    ///
    /// # Errors
    /// SQS is unavailable, denies access, or the queue does not exist. Throttling is not an error: SQS answers.
    pub async fn answers(&self) -> Result<(), SqsError> {
        look_up::ask_for(&self.address).await
    }

    /// How many visible messages SQS estimates. `None` if it does not answer, or we may not ask.
    pub async fn approximate_messages(&self) -> Option<u64> {
        look_up::approximate_messages(&self.address).await
    }

    /// Sends up to 10 messages in one call, and tries those again that SQS failed to take, until `deadline`.
    /// `within` is how long the callers wait in all. The results are in the order of the messages.
    ///
    /// A message is on the queue if its result is `Ok`. If its result is an error it may be there all the same, because
    /// the answer can get lost; sending it again then makes a second copy.
    pub async fn send(
        &self,
        messages: &[Message],
        within: Duration,
        deadline: Instant,
    ) -> Vec<Result<(), SqsError>> {
        let results = send_batch::send_all(&self.address, messages, within, deadline).await;
        self.limit.compare(&results);
        self.sends.record(&results);
        results
    }

    /// Sends any number of messages, in concurrent calls of as many as fit. The results are those of
    /// [`Self::send`].
    pub async fn send_all(
        &self,
        messages: &[Message],
        within: Duration,
        deadline: Instant,
    ) -> Vec<Result<(), SqsError>> {
        let calls = call_size::split(messages, self.max_message_size());
        let calls = calls.into_iter().map(|some| self.send(some, within, deadline));
        join_all(calls).await.into_iter().flatten().collect()
    }

    /// Sends one message that the worker sets aside. It is on the queue if this is `Ok`.
    ///
    /// # Errors
    /// SQS did not confirm the message before the deadline. It may be on the queue all the same.
    pub async fn send_aside(&self, message: &Message, deadline: Instant) -> Result<(), SqsError> {
        let result = send_batch::send_aside(&self.address, message, deadline).await;
        self.limit.compare(std::slice::from_ref(&result));
        result
    }

    /// Makes one long poll. Await it to the end: a poll that is dropped can hide messages for a whole visibility timeout.
    ///
    /// # Errors
    /// SQS answered with an error, or did not answer within the wait time plus 5 s.
    pub async fn receive(&self, poll: &Poll) -> Result<Vec<Delivery>, SqsError> {
        receive::receive(&self.address, poll).await
    }

    /// Deletes the messages of these deliveries, in concurrent calls of 10. One result per delivery, in their order.
    pub async fn delete(&self, handles: &[ReceiptHandle], deadline: Instant) -> Vec<Settled> {
        settle::delete_all(&self.address, handles, deadline).await
    }

    /// Makes these deliveries visible again, each after its own delay, in concurrent calls of 10.
    /// One result per delivery, in their order.
    pub async fn release(
        &self,
        deliveries: &[(ReceiptHandle, Duration)],
        deadline: Instant,
    ) -> Vec<Settled> {
        settle::release_all(&self.address, deliveries, deadline).await
    }
}
