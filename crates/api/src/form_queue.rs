//! The way to the form queue, from a process that may be up before SQS is.

use std::{sync::Arc, time::Duration};

use domain::{FormType, Message};
use process::{backoff::Backoff, health::Check, settings::QueuePairSettings};
use queue::{Cause, Connection, Provision, Queue, QueueNames, SendPace, Sender, SqsError};
use tokio::sync::OnceCell;

use crate::metrics;

/// A form type and its queue, once that was found.
pub struct FormQueue {
    form_type: FormType,
    provision: Provision,
    pace: SendPace,
    found: OnceCell<(Queue, Sender)>,
}

/// Why a message is not known to be on the queue.
pub enum NotSent {
    /// The queue was not found yet.
    NoQueue,
    /// The send failed.
    Failed(SqsError),
}

impl FormQueue {
    pub fn new(
        form_type: FormType,
        queues: &QueuePairSettings,
        connection: Connection,
        create: bool,
        pace: SendPace,
    ) -> Self {
        let names = QueueNames { form: queues.form.clone(), invalid: queues.invalid.clone() };
        // Until it is found.
        metrics::queue_is_up(form_type.name(), false);
        Self { form_type, provision: Provision { connection, names, create }, pace, found: OnceCell::new() }
    }

    /// The type of the forms that are sent here.
    pub fn form_type(&self) -> &FormType {
        &self.form_type
    }

    /// Finds the queue, asking again for as long as it takes.
    pub async fn find(&self) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            match self.provision.form_queue().await {
                Ok(queue) => {
                    log::info!(
                        "Found the form queue. queue={} max_message_size={:?}",
                        queue.name(),
                        queue.max_message_size()
                    );
                    metrics::queue_is_up(self.form_type.name(), true);
                    let sender = Sender::start(queue.clone(), self.pace);
                    // It is only set here.
                    let _ = self.found.set((queue, sender));
                    return;
                }
                Err(error) => {
                    log::error!(
                        "The form queue was not found, and nothing can be taken. queue={} error=\"{error}\"",
                        self.provision.names.form
                    );
                    tokio::time::sleep(backoff.next_wait()).await;
                }
            }
        }
    }

    /// Sends a message; it is on the queue when this is `Ok`.
    pub async fn send(&self, message: Message) -> Result<(), NotSent> {
        let (_, sender) = self.found.get().ok_or(NotSent::NoQueue)?;
        let sent = sender.send(message).await;
        let cause = sent.as_ref().err().map(SqsError::cause);
        let is_up = !matches!(cause, Some(Cause::Unavailable | Cause::Denied | Cause::MissingQueue));
        metrics::queue_is_up(self.form_type.name(), is_up);
        sent.map_err(NotSent::Failed)
    }

    /// The name of the check on the health page: `queue` of type `form`, `queue_enrolment` and so on.
    pub fn check_name(&self) -> String {
        match self.form_type.name() {
            "form" => "queue".to_owned(),
            other => format!("queue_{other}"),
        }
    }

    /// The check of the health page.
    pub fn check(self: &Arc<Self>) -> Check {
        let form_queue = Arc::clone(self);
        Box::new(move || {
            let form_queue = Arc::clone(&form_queue);
            Box::pin(async move {
                let answer = match form_queue.found.get() {
                    Some((queue, _)) => queue.answers().await.map_err(|error| error.cause().in_words()),
                    None => Err("the queue was not found yet"),
                };
                metrics::queue_is_up(form_queue.form_type.name(), answer.is_ok());
                answer
            })
        })
    }
}
