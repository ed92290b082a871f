//! The checks of the health page, one per queue and one for the database, and the facts of the
//! status page.

use std::sync::Arc;

use parking_lot::Mutex;
use queue::{Queue, SqsError};
use serde_json::Value;
use service::{
    health::Check,
    status::{Fact, Facts},
};
use store::Store;
use tokio::task::spawn_blocking;

use crate::{database_gate::DatabaseGate, metrics};

/// The queue of a form type, and how its last poll went.
pub struct PollStatus {
    form_type: String,
    queue: Mutex<Option<Queue>>,
    fault: Mutex<Option<&'static str>>,
}

impl PollStatus {
    pub fn new(form_type: &str) -> Self {
        metrics::start_at_zero(form_type);
        Self { form_type: form_type.to_owned(), queue: Mutex::default(), fault: Mutex::default() }
    }

    pub fn record_queue(&self, queue: &Queue) {
        *self.queue.lock() = Some(queue.clone());
    }

    pub fn record_success(&self) {
        *self.fault.lock() = None;
        queue::metrics::record_queue_up(&self.form_type, true);
    }

    pub fn record_failure(&self, error: &SqsError) {
        *self.fault.lock() = Some(error.cause().in_words());
        queue::metrics::record_queue_up(&self.form_type, false);
    }
}

/// Passes if the queue answers and its last poll succeeded.
pub fn queue_check(poll_status: &Arc<PollStatus>) -> Check {
    let poll_status = Arc::clone(poll_status);
    Box::new(move || {
        let queue = poll_status.queue.lock().clone();
        let fault = *poll_status.fault.lock();
        Box::pin(async move {
            let queue = queue.ok_or("the queue was not found yet")?;
            fault.map_or(Ok(()), Err)?;
            queue.answers().await.map_err(|error| error.cause().in_words())
        })
    })
}

/// Passes if the database answers and the gate is open: since the last failure a probe row could be
/// stored.
pub fn database_check(store: &Store, gate: &DatabaseGate) -> Check {
    let (store, gate) = (store.clone(), gate.clone());
    Box::new(move || {
        let (store, gate) = (store.clone(), gate.clone());
        Box::pin(async move {
            if !gate.is_open() {
                return Err("the database stores nothing");
            }
            // The page may give up waiting before the answer is there.
            let answered = spawn_blocking(move || {
                let is_up = store.ping().is_ok();
                gate.record_answer(is_up);
                is_up
            });
            if answered.await.unwrap_or(false) {
                Ok(())
            } else {
                Err("the database does not answer")
            }
        })
    })
}

/// What the status page shows beside the build: `db_version`, the last migration.
pub fn status_facts(store: &Store) -> Facts {
    let store = store.clone();
    let db_version: Fact = Arc::new(move || {
        let store = store.clone();
        Box::pin(async move {
            let version = spawn_blocking(move || store.schema_version()).await;
            version.ok().and_then(Result::ok).flatten().map_or(Value::Null, Value::from)
        })
    });
    vec![("db_version", db_version)]
}
