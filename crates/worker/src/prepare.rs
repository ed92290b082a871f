//! What must be there before the first message is received, asked for until it is.

use std::{io, time::Duration};

use queue::{QueueFinder, QueuePair};
use service::backoff::Backoff;
use store::{SchemaState, Store};
use tokio::{task::spawn_blocking, time::sleep};

use crate::health::Receiving;

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(200), Duration::from_secs(5))
}

/// Runs pending migrations, one process at a time.
pub async fn migrate(store: &Store) -> io::Result<()> {
    let store = store.clone();
    let applied = spawn_blocking(move || store.migrate()).await?.map_err(io::Error::other)?;
    log::info!("The schema is up to date. applied={applied:?}");
    Ok(())
}

/// Returns when the schema is what this worker needs, or newer.
pub async fn schema(store: &Store, may_migrate: bool) {
    let mut backoff = backoff();
    loop {
        match state(store, may_migrate).await {
            Ok(SchemaState::Current) => return,
            Ok(SchemaState::Newer { unknown }) => {
                log::warn!(
                    "The schema is newer than this worker, which is all right in a rollback. unknown={unknown:?}"
                );
                return;
            }
            Ok(SchemaState::Older { missing }) => log::error!(
                "The schema is older than this worker needs, and it may not migrate: run `worker migrate`. missing={missing:?}"
            ),
            Err(error) => log::error!("The schema cannot be looked at. error=\"{error}\""),
        }
        sleep(backoff.next_wait()).await;
    }
}

async fn state(store: &Store, may_migrate: bool) -> Result<SchemaState, String> {
    let look = {
        let store = store.clone();
        move || store.schema_state()
    };
    let state = spawn_blocking(look.clone()).await.map_err(|error| error.to_string())?;
    match state.map_err(|error| error.to_string())? {
        SchemaState::Older { .. } if may_migrate => {
            migrate(store).await.map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
            let state = spawn_blocking(look).await.map_err(|error| error.to_string())?;
            state.map_err(|error| error.to_string())
        }
        state => Ok(state),
    }
}

/// Finds the queues, and creates missing ones where it may.
pub async fn queues(finder: &QueueFinder, receiving: &Receiving) -> QueuePair {
    let mut backoff = backoff();
    loop {
        match finder.pair().await {
            Ok(pair) => {
                log::info!(
                    "Found the queues. queue={} invalid_queue={}",
                    pair.form.name(),
                    pair.invalid.name()
                );
                receiving.found(&pair.form);
                return pair;
            }
            Err(error) => log::error!(
                "The queues were not found. queue={} error=\"{error}\"",
                finder.names.form
            ),
        }
        sleep(backoff.next_wait()).await;
    }
}
