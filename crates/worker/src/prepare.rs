//! Waits for everything the worker needs before it receives its first message: the schema and the
//! queues.

use std::time::Duration;

use queue::{QueueFinder, QueuePair};
use service::backoff::Backoff;
use store::{MessageIds, MigrateError, SchemaState, Store, TableUser};
use tokio::{task::spawn_blocking, time::sleep};

use crate::health::QueueStatus;

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(200), Duration::from_secs(5))
}

/// Runs pending migrations, one process at a time.
pub async fn migrate(store: &Store) -> anyhow::Result<()> {
    let store = store.clone();
    let applied = spawn_blocking(move || store.migrate()).await??;
    let applied = (!applied.is_empty()).then(|| applied.join(","));
    log::info!(applied; "The schema is up to date.");
    Ok(())
}

/// Drops the index that only the 2016 worker needs, or makes it again.
pub async fn finish_move(store: &Store, back: bool) -> anyhow::Result<()> {
    let store = store.clone();
    let wanted = if back { MessageIds::OfAllRows } else { MessageIds::OfRowsWithoutSubmissionId };
    spawn_blocking(move || store.index_message_ids(wanted)).await??;
    if back {
        log::info!("The 2016 worker can run again: form_form takes inserts.");
    } else {
        log::info!("The move from 2016 is finished: form_form takes no more inserts.");
    }
    Ok(())
}

/// Returns when the schema is the one that this worker needs, or a newer one.
pub async fn wait_for_schema(store: &Store, may_migrate: bool) {
    let mut backoff = backoff();
    let mut busy_backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        match schema_state(store, may_migrate).await {
            Ok(SchemaState::Current) => return,
            Ok(SchemaState::Newer { unknown }) => {
                log::warn!(
                    unknown = unknown.join(",");
                    "The schema is newer than this worker. This is fine after a rollback."
                );
                return;
            }
            Ok(SchemaState::Older { missing }) => log::error!(
                missing = missing.join(",");
                "The schema is older than this worker needs, and MIGRATE_ON_START is false: run `worker migrate`."
            ),
            Err(error) => match error.downcast_ref() {
                Some(MigrateError::InUse { name, user }) => {
                    log::warn!(
                        migration = name,
                        table = user.as_ref().map(|user| user.table.as_str()),
                        pid = user.as_ref().map(TableUser::pid_in_words),
                        since = user.as_ref().map(TableUser::since_in_words);
                        "A migration waits until another session no longer uses the table."
                    );
                    sleep(busy_backoff.next_wait()).await;
                    continue;
                }
                Some(
                    MigrateError::Failed { .. }
                    | MigrateError::Locked
                    | MigrateError::ThroughPooler,
                ) => {
                    log::error!(error:% = format!("{error:#}"); "The schema cannot be migrated.")
                }
                Some(MigrateError::Unavailable(_)) | None => {
                    log::error!(error:% = format!("{error:#}"); "The schema cannot be read.")
                }
            },
        }
        sleep(backoff.next_wait()).await;
    }
}

async fn schema_state(store: &Store, may_migrate: bool) -> anyhow::Result<SchemaState> {
    let read = {
        let store = store.clone();
        move || store.schema_state()
    };
    let state = spawn_blocking(read.clone()).await??;
    if !may_migrate || !matches!(state, SchemaState::Older { .. }) {
        return Ok(state);
    }
    migrate(store).await?;
    Ok(spawn_blocking(read).await??)
}

/// Finds the queues, and creates missing ones if the settings allow that. Tries until both are
/// there.
pub async fn find_queues(finder: &QueueFinder, status: &QueueStatus) -> QueuePair {
    let mut backoff = backoff();
    loop {
        match finder.pair().await {
            Ok(pair) => {
                let (queue, invalid_queue) = (pair.form.name(), pair.invalid.name());
                log::info!(queue, invalid_queue; "Found the queues.");
                status.record_queue(&pair.form);
                return pair;
            }
            Err(error) => {
                log::error!(queue = finder.names.form, error:% = error; "The queues were not found.")
            }
        }
        sleep(backoff.next_wait()).await;
    }
}
