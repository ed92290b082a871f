//! The connection to the form queue. The api may start before SQS does, and a queue may be deleted.

use std::{sync::Arc, time::Duration};

use domain::{FormType, Message};
use parking_lot::Mutex;
use queue::{
    Cause, LOOK_EVERY, LatestSend, Queue, QueueFinder, SendPace, Sender, SqsError,
    metrics::record_queue_up, settings::ServedForm,
};
use service::{backoff::Backoff, health::Check};
use tokio::{sync::Notify, time::sleep};

/// The least time between finding a queue and looking for it again: for a while, SQS still returns
/// the URL of a deleted queue and refuses to reuse its name.
const FIND_AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// If the last send is longer ago, readiness asks SQS instead of going by that send. An orchestrator sends nothing to an
/// api that is not ready, so this is also how long it takes until it tries again.
const IDLE_AFTER: Duration = Duration::from_secs(10);

/// A form type, and its queue once the api has found it.
pub struct FormQueue {
    form: ServedForm,
    finder: QueueFinder,
    pace: SendPace,
    found: Mutex<Option<(Queue, Sender)>>,
    /// The queue was found, and is missing now.
    missing: Notify,
}

/// Why a message is not known to be on the queue.
#[derive(Debug)]
pub enum NotSent {
    /// The api has not found the queue yet.
    NoQueue,
    Failed(SqsError),
}

impl FormQueue {
    pub fn new(form: ServedForm, finder: QueueFinder, pace: SendPace) -> Self {
        record_queue_up(form.form_type.name(), false);
        Self { form, finder, pace, found: Mutex::default(), missing: Notify::new() }
    }

    /// The form type with its queues.
    pub fn form(&self) -> &ServedForm {
        &self.form
    }

    pub fn form_type(&self) -> &FormType {
        &self.form.form_type
    }

    /// Finds the queue, and finds it again each time it is missing. Never returns.
    pub async fn stay_connected(&self) {
        loop {
            let queue = self.find().await;
            let missing = async {
                sleep(FIND_AT_MOST_EVERY).await;
                self.missing.notified().await;
            };
            tokio::select! {
                () = missing => {}
                _ = queue.watch(LOOK_EVERY) => {}
            }
        }
    }

    /// Finds the queue, or creates it if that is allowed, and retries until it has it.
    async fn find(&self) -> Queue {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            match self.finder.form_queue().await {
                Ok(queue) => {
                    log::info!(
                        queue = queue.name(), max_message_size = queue.max_message_size();
                        "Found the form queue."
                    );
                    record_queue_up(self.form.form_type.name(), true);
                    let sender = Sender::start(queue.clone(), self.pace);
                    *self.found.lock() = Some((queue.clone(), sender));
                    return queue;
                }
                Err(error) => {
                    log::error!(
                        queue = self.finder.names.form, error:%;
                        "The form queue was not found, so no form can be accepted."
                    );
                    sleep(backoff.next_wait()).await;
                }
            }
        }
    }

    /// Sends a message. After `Ok` it is on the queue.
    pub async fn send(&self, message: Message) -> Result<(), NotSent> {
        let (_, sender) = self.found().ok_or(NotSent::NoQueue)?;
        let sent = sender.send(message).await;
        self.record_result(sent.as_ref().err().map(SqsError::cause));
        sent.map_err(NotSent::Failed)
    }

    fn found(&self) -> Option<(Queue, Sender)> {
        self.found.lock().clone()
    }

    /// Records whether the last call worked, `None`, or why it failed.
    fn record_result(&self, cause: Option<Cause>) {
        if cause == Some(Cause::MissingQueue) {
            self.missing.notify_one();
        }
        let is_up =
            !matches!(cause, Some(Cause::Unavailable | Cause::Denied | Cause::MissingQueue));
        record_queue_up(self.form.form_type.name(), is_up);
    }

    /// The check for the health page.
    pub fn check(self: &Arc<Self>) -> Check {
        let form_queue = Arc::clone(self);
        Box::new(move || {
            let form_queue = Arc::clone(&form_queue);
            Box::pin(async move { form_queue.accepts_forms().await })
        })
    }

    /// Whether a form can probably be sent. SQS is asked only if none was sent for a while.
    async fn accepts_forms(&self) -> Result<(), &'static str> {
        let Some((queue, _)) = self.found() else {
            record_queue_up(self.form.form_type.name(), false);
            return Err("the queue was not found yet");
        };
        let failed = match queue.recent_sends().latest(IDLE_AFTER) {
            LatestSend::Worked => None,
            LatestSend::Failed(cause) => Some(cause),
            LatestSend::None => {
                let failed = queue.answers().await.err().map(|error| error.cause());
                self.record_result(failed);
                failed
            }
        };
        failed.map_or(Ok(()), |cause| Err(cause.in_words()))
    }
}
