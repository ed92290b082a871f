//! What the worker needs in order to serve: its queue and its database.

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

/// What the polls have come to know of the queue.
pub struct Receiving {
    form_type: String,
    queue: Mutex<Option<Queue>>,
    fault: Mutex<Option<&'static str>>,
}

impl Receiving {
    /// Nothing is known yet.
    pub fn of(form_type: &str) -> Self {
        metrics::begin(form_type);
        Self { form_type: form_type.to_owned(), queue: Mutex::default(), fault: Mutex::default() }
    }

    /// The queue is known from here on.
    pub fn found(&self, queue: &Queue) {
        *self.queue.lock() = Some(queue.clone());
    }

    /// A poll was answered with messages or none.
    pub fn works(&self) {
        *self.fault.lock() = None;
        queue::metrics::record_queue_up(&self.form_type, true);
    }

    /// A poll failed.
    pub fn fails(&self, error: &SqsError) {
        *self.fault.lock() = Some(error.cause().in_words());
        queue::metrics::record_queue_up(&self.form_type, false);
    }
}

/// The queue answers, and the last poll was not refused.
pub fn queue(receiving: &Arc<Receiving>) -> Check {
    let receiving = Arc::clone(receiving);
    Box::new(move || {
        let queue = receiving.queue.lock().clone();
        let fault = *receiving.fault.lock();
        Box::pin(async move {
            let queue = queue.ok_or("the queue was not found yet")?;
            fault.map_or(Ok(()), Err)?;
            queue.answers().await.map_err(|error| error.cause().in_words())
        })
    })
}

/// The database answers, and nothing that was to be stored had to be given back since it last stored something.
pub fn database(store: &Store, gate: &DatabaseGate) -> Check {
    let (store, gate) = (store.clone(), gate.clone());
    Box::new(move || {
        let (store, gate) = (store.clone(), gate.clone());
        Box::pin(async move {
            if !gate.is_open() {
                return Err("the database stores nothing");
            }
            let answered = spawn_blocking(move || store.ping()).await;
            let is_up = answered.is_ok_and(|answer| answer.is_ok());
            metrics::database_is_up(is_up);
            if is_up { Ok(()) } else { Err("the database does not answer") }
        })
    })
}

/// What the status page tells beside the build: `db_version`, the last migration.
pub fn facts(store: &Store) -> Facts {
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
