//! The checks of the health page, one per queue and one for the database, and the facts of the
//! status page.

mod queue_status;

use std::sync::Arc;

use serde_json::Value;
use service::{
    health::Check,
    status::{Fact, Facts},
};
use store::Store;
use tokio::task::spawn_blocking;

use crate::database_gate::DatabaseGate;

pub use self::queue_status::QueueStatus;

/// Passes if the last poll succeeded and was not long ago, and messages can be deleted. SQS is asked
/// only while the gate is shut, because then there are no polls.
pub fn queue_check(status: &Arc<QueueStatus>, gate: &DatabaseGate) -> Check {
    let (status, gate) = (Arc::clone(status), gate.clone());
    Box::new(move || {
        let polls = gate.is_open();
        let (queue, fault) = (status.queue(), status.fault(polls));
        Box::pin(async move {
            let queue = queue.ok_or("the queue was not found yet")?;
            fault.map_or(Ok(()), Err)?;
            if polls {
                return Ok(());
            }
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
