//! Publishes the submissions of each form type for readers, beside the work of the worker.

use std::time::Duration;

use anyhow::Context;
use domain::FormType;
use store::{PublishError, SchemaState, Store};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

const AGAIN_AFTER: Duration = Duration::from_secs(60);
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// Records the schemas of these form types, makes their views, and builds their indexes.
///
/// # Errors
/// A right is missing, a view is in use for a minute, or the database is unavailable. If only the
/// schema of the views is missing, this logs a warning, because the migrations are done.
pub async fn publish(store: &Store, form_types: Vec<FormType>) -> anyhow::Result<()> {
    record_schemas(store, &form_types).await?;
    match make_views(store, form_types).await {
        Err(error) if matches!(error.downcast_ref(), Some(PublishError::NoSchema)) => {
            log::warn!(reason:% = format!("{error:#}"); "Readers see no submissions.");
        }
        made => made?,
    }
    build_indexes(store).await
}

/// Does the same until it succeeds, and the views and indexes only if this worker may migrate. Storing
/// goes on meanwhile: a fault is logged once an hour.
pub async fn publish_in_time(store: Store, form_types: Vec<FormType>, may_migrate: bool) {
    let mut warned: Option<Instant> = None;
    loop {
        let Err(error) = publish_or_record(&store, form_types.clone(), may_migrate).await else {
            return;
        };
        if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            log::warn!(
                reason:% = format!("{error:#}");
                "Readers may not see all columns of the submissions. Forms are stored all the same. \
                 If a right or a function is missing, run deploy/postgres/roles.sql and `worker migrate`."
            );
            warned = Some(Instant::now());
        }
        sleep(AGAIN_AFTER).await;
    }
}

async fn publish_or_record(
    store: &Store,
    form_types: Vec<FormType>,
    may_migrate: bool,
) -> anyhow::Result<()> {
    record_schemas(store, &form_types).await?;
    let read = store.clone();
    let state = spawn_blocking(move || read.schema_state()).await??;
    // A later release may make views of another shape.
    if !may_migrate || state != SchemaState::Current {
        return Ok(());
    }
    make_views(store, form_types).await?;
    build_indexes(store).await
}

async fn record_schemas(store: &Store, form_types: &[FormType]) -> anyhow::Result<()> {
    for form_type in form_types {
        let (store, form_type) = (store.clone(), form_type.clone());
        spawn_blocking(move || store.record_schema(&form_type))
            .await?
            .context("cannot record a schema")?;
    }
    Ok(())
}

async fn make_views(store: &Store, form_types: Vec<FormType>) -> anyhow::Result<()> {
    let store = store.clone();
    let made = spawn_blocking(move || store.publish(&form_types)).await??;
    if !made.is_empty() {
        log::info!(relations = made.join(","); "Published the submissions for readers.");
    }
    Ok(())
}

async fn build_indexes(store: &Store) -> anyhow::Result<()> {
    let store = store.clone();
    let built = spawn_blocking(move || store.index_relations()).await??;
    if !built.is_empty() {
        log::info!(relations = built.join(","); "Built the indexes for readers.");
    }
    Ok(())
}
