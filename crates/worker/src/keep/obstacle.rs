//! Why no message of an invalid queue can be kept, and how this is reported: to a person once an
//! hour, because storing goes on.

use std::time::Duration;

use queue::{Cause, SqsError};
use store::Unavailable;
use tokio::time::Instant;

use crate::metrics::invalid;

const WARN_EVERY: Duration = Duration::from_secs(3600);
/// The wait if only a person can help.
const SLOW_RETRY: Duration = Duration::from_secs(15);

/// Why messages cannot be kept.
pub enum Obstacle {
    /// A function is missing, or the right to call it.
    Function,
    /// The database does not answer; the reason, if it is known.
    Database(Option<Unavailable>),
    /// PostgreSQL refuses this message and would take others.
    Message(Unavailable),
    Receive(SqsError),
    /// Messages were kept and could not be deleted or released.
    Settle(SqsError),
}

impl Obstacle {
    /// How long to wait; `None` if it may pass by itself.
    pub fn wait(&self) -> Option<Duration> {
        self.what_to_do("").map(|_| SLOW_RETRY)
    }

    pub fn is_missing_queue(&self) -> bool {
        self.sqs_error().is_some_and(|error| error.cause() == Cause::MissingQueue)
    }

    fn sqs_error(&self) -> Option<&SqsError> {
        match self {
            Self::Receive(error) | Self::Settle(error) => Some(error),
            Self::Function | Self::Database(_) | Self::Message(_) => None,
        }
    }

    /// What a person should do about it; `None` if it may pass by itself.
    fn what_to_do(&self, queue: &str) -> Option<String> {
        let rights = match self {
            Self::Function => {
                return Some(
                    "Give the worker's role EXECUTE on keep_invalid and invalid_messages_waiting: run `worker migrate`, \
                     then `deploy/postgres/roles.sql`."
                        .to_owned(),
                );
            }
            Self::Receive(_) => "sqs:ReceiveMessage",
            Self::Settle(_) => "sqs:DeleteMessage and sqs:ChangeMessageVisibility",
            Self::Database(_) | Self::Message(_) => return None,
        };
        match self.sqs_error()?.cause() {
            Cause::Denied => Some(format!(
                "Give the worker {rights} on {queue}, as in deploy/terraform/aws/policies/worker.json, or set \
                 WORKER_KEEPS_INVALID=false."
            )),
            Cause::MissingQueue => Some(format!("Create the queue {queue}.")),
            Cause::Unavailable | Cause::TooLong | Cause::Refused => None,
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::Function => "a function or a right in PostgreSQL is missing".to_owned(),
            Self::Database(None) => "the database does not answer".to_owned(),
            Self::Database(Some(unavailable)) | Self::Message(unavailable) => {
                unavailable.to_string()
            }
            Self::Receive(error) | Self::Settle(error) => error.to_string(),
        }
    }
}

/// Reports the obstacles of one form type.
pub struct Reports<'a> {
    form_type: &'a str,
    queue: &'a str,
    warned: Option<Instant>,
}

impl<'a> Reports<'a> {
    pub fn new(form_type: &'a str, queue: &'a str) -> Self {
        Self { form_type, queue, warned: None }
    }

    /// Messages can be kept.
    pub fn none(&self) {
        invalid::set_keeps(self.form_type, true);
    }

    pub fn report(&mut self, obstacle: &Obstacle) {
        let Self { form_type, queue, .. } = *self;
        let reason = obstacle.reason();
        let Some(what_to_do) = obstacle.what_to_do(queue) else {
            log::info!(form_type, queue, reason; "Cannot keep invalid messages now.");
            return;
        };
        invalid::set_keeps(form_type, false);
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
            log::error!(
                form_type, queue, reason;
                "Cannot keep invalid messages, so they expire on their queue. Storing goes on. {what_to_do}"
            );
        }
    }
}
