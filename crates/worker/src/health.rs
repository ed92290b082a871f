//! What the worker needs in order to serve: its queue and its database.

use std::sync::{Arc, Mutex, PoisonError};

use process::health::Check;
use queue::{Cause, Queue, SqsError};
use store::Store;
use tokio::task::spawn_blocking;

/// What the polls have come to know of the queue.
#[derive(Default)]
pub struct Receiving {
    queue: Mutex<Option<Queue>>,
    fault: Mutex<Option<&'static str>>,
}

impl Receiving {
    /// The queue is known from here on.
    pub fn found(&self, queue: &Queue) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = Some(queue.clone());
    }

    /// A poll was answered with messages or none.
    pub fn works(&self) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A poll failed.
    pub fn fails(&self, error: &SqsError) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(in_words(error));
    }
}

/// The queue answers, and the last poll was not refused.
pub fn queue(receiving: &Arc<Receiving>) -> Check {
    let receiving = Arc::clone(receiving);
    Box::new(move || {
        let queue = receiving.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fault = *receiving.fault.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move {
            let queue = queue.ok_or("has not been found")?;
            fault.map_or(Ok(()), Err)?;
            queue.answers().await.map_err(|error| in_words(&error))
        })
    })
}

/// The database answers.
pub fn database(store: &Store) -> Check {
    let store = store.clone();
    Box::new(move || {
        let store = store.clone();
        Box::pin(async move {
            let answered = spawn_blocking(move || store.ping()).await;
            if answered.is_ok_and(|answer| answer.is_ok()) { Ok(()) } else { Err("does not answer") }
        })
    })
}

fn in_words(error: &SqsError) -> &'static str {
    match error.cause() {
        Cause::Denied => "access is denied",
        Cause::MissingQueue => "does not exist",
        Cause::Unavailable | Cause::TooLong | Cause::Refused => "does not answer",
    }
}
