//! The way to the form queue, from a process that may be up before SQS is.

use std::{sync::Arc, time::Duration};

use domain::{FormType, Message};
use parking_lot::Mutex;
use queue::{
    Cause, Queue, QueueFinder, SendPace, Sender, SqsError, metrics::record_queue_up,
    settings::ServedForm,
};
use service::{backoff::Backoff, health::Check};
use tokio::{sync::Notify, time::sleep};

/// How long a queue that was found is used before it is looked for again: SQS goes on telling the URL of a queue that was
/// deleted for a while, and does not let its name be used again at once.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A form type and its queue, once that was found.
pub struct FormQueue {
    form: ServedForm,
    finder: QueueFinder,
    pace: SendPace,
    found: Mutex<Option<(Queue, Sender)>>,
    /// It was found, and turned out to be missing.
    gone: Notify,
}

/// Why a message is not known to be on the queue.
pub enum NotSent {
    /// The queue was not found yet.
    NoQueue,
    /// The send failed.
    Failed(SqsError),
}

impl FormQueue {
    pub fn new(form: ServedForm, finder: QueueFinder, pace: SendPace) -> Self {
        // Until it is found.
        record_queue_up(form.form_type.name(), false);
        Self { form, finder, pace, found: Mutex::default(), gone: Notify::new() }
    }

    /// The type of the forms that are sent here, with its queues.
    pub fn form(&self) -> &ServedForm {
        &self.form
    }

    /// The type of the forms that are sent here.
    pub fn form_type(&self) -> &FormType {
        &self.form.form_type
    }

    /// Finds the queue, and again whenever it turns out to be missing. Never returns.
    pub async fn keep(&self) {
        loop {
            self.find().await;
            sleep(LOOK_EVERY).await;
            self.gone.notified().await;
        }
    }

    /// Finds the queue, or creates it where that is allowed, asking again for as long as it takes.
    async fn find(&self) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            match self.finder.form_queue().await {
                Ok(queue) => {
                    log::info!(
                        "Found the form queue. queue={} max_message_size={:?}",
                        queue.name(),
                        queue.max_message_size()
                    );
                    record_queue_up(self.form.form_type.name(), true);
                    let sender = Sender::start(queue.clone(), self.pace);
                    *self.found.lock() = Some((queue, sender));
                    return;
                }
                Err(error) => {
                    log::error!(
                        "The form queue was not found, and nothing can be taken. queue={} error=\"{error}\"",
                        self.finder.names.form
                    );
                    sleep(backoff.next_wait()).await;
                }
            }
        }
    }

    /// Sends a message; it is on the queue when this is `Ok`.
    pub async fn send(&self, message: Message) -> Result<(), NotSent> {
        let (_, sender) = self.found().ok_or(NotSent::NoQueue)?;
        let sent = sender.send(message).await;
        self.heard(sent.as_ref().err().map(SqsError::cause));
        sent.map_err(NotSent::Failed)
    }

    fn found(&self) -> Option<(Queue, Sender)> {
        self.found.lock().clone()
    }

    /// SQS answered for the queue, or it failed for this cause.
    fn heard(&self, cause: Option<Cause>) {
        if cause == Some(Cause::MissingQueue) {
            self.gone.notify_one();
        }
        let is_up =
            !matches!(cause, Some(Cause::Unavailable | Cause::Denied | Cause::MissingQueue));
        record_queue_up(self.form.form_type.name(), is_up);
    }

    /// The check of the health page.
    pub fn check(self: &Arc<Self>) -> Check {
        let form_queue = Arc::clone(self);
        Box::new(move || {
            let form_queue = Arc::clone(&form_queue);
            Box::pin(async move {
                let Some((queue, _)) = form_queue.found() else {
                    record_queue_up(form_queue.form.form_type.name(), false);
                    return Err("the queue was not found yet");
                };
                let failed = queue.answers().await.err().map(|error| error.cause());
                form_queue.heard(failed);
                failed.map_or(Ok(()), |cause| Err(cause.in_words()))
            })
        })
    }
}
