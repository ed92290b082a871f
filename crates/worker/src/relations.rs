//! Publishes the submissions of each form type for readers, beside the work of the worker.

use std::{pin::pin, time::Duration};

use anyhow::{Context, bail};
use domain::FormType;
use service::backoff::Backoff;
use store::{PublishError, Published, SchemaState, Store};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use crate::metrics;

const WARN_EVERY: Duration = Duration::from_secs(3600);

/// How long `worker migrate` waits for views that others use.
const WAIT_FOR_VIEWS: Duration = Duration::from_secs(60);

/// Records the schemas of these form types, makes their views, and builds their indexes.
///
/// # Errors
/// A right is missing, a view is in use for a minute, or the database is unavailable. If only the
/// schema of the views is missing, this logs a warning, because the migrations are done.
pub async fn publish(store: &Store, form_types: Vec<FormType>) -> anyhow::Result<()> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let mut deadline = None;
    loop {
        let mut failures = make_views(store, &form_types).await;
        failures.extend(build_indexes(store).await);
        // An index may have taken hours.
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + WAIT_FOR_VIEWS);
        let is_busy = failures
            .iter()
            .any(|failure| matches!(failure.downcast_ref(), Some(PublishError::Busy { .. })));
        if !is_busy || Instant::now() >= deadline {
            return report(failures);
        }
        sleep(backoff.next_wait()).await;
    }
}

fn report(mut failures: Vec<anyhow::Error>) -> anyhow::Result<()> {
    failures.retain(|failure| {
        let no_schema = matches!(failure.downcast_ref(), Some(PublishError::NoSchema));
        if no_schema {
            log::warn!(reason:% = format!("{failure:#}"); "Readers see no submissions.");
        }
        !no_schema
    });
    if failures.is_empty() {
        return Ok(());
    }
    bail!("{}", in_words(&failures))
}

fn in_words(failures: &[anyhow::Error]) -> String {
    const SHOWN: usize = 5;
    let mut words: Vec<String> =
        failures.iter().take(SHOWN).map(|failure| format!("{failure:#}")).collect();
    if failures.len() > SHOWN {
        words.push(format!("and {} more", failures.len() - SHOWN));
    }
    words.join("; ")
}

/// Does the same until it succeeds, and the views and indexes only if this worker may migrate. Storing
/// goes on meanwhile: a metric says how much is left to do, and the log once an hour why.
pub async fn publish_in_time(store: Store, form_types: Vec<FormType>, may_migrate: bool) {
    let mut log = Log::default();
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        let makes_views = may_make_views(&store, may_migrate).await;
        let failures = match makes_views {
            Ok(true) => publish_once(&store, &form_types, &mut backoff, &mut log).await,
            Ok(false) => record_schemas(&store, &form_types).await,
            Err(error) => vec![error],
        };
        log.note(&failures);
        if failures.is_empty() {
            return;
        }
        sleep(backoff.next_wait()).await;
    }
}

async fn may_make_views(store: &Store, may_migrate: bool) -> anyhow::Result<bool> {
    let store = store.clone();
    let state = blocking(move || store.schema_state()).await.context("cannot read the schema")?;
    // A later release may make views of another shape.
    Ok(may_migrate && state == SchemaState::Current)
}

/// Tries the views that failed again while an index waits, perhaps for hours.
async fn publish_once(
    store: &Store,
    form_types: &[FormType],
    backoff: &mut Backoff,
    log: &mut Log,
) -> Vec<anyhow::Error> {
    let mut failures = make_views(store, form_types).await;
    let mut building = pin!(build_indexes(store));
    let mut tried_again = false;
    let without_index = loop {
        log.note(&failures);
        let wait = if failures.is_empty() { Duration::MAX } else { backoff.next_wait() };
        match timeout(wait, building.as_mut()).await {
            Ok(without_index) => break without_index,
            Err(_still_building) => {
                failures = make_views(store, form_types).await;
                tried_again = true;
            }
        }
    };
    failures.extend(without_index);
    // Of views that were new.
    if tried_again {
        failures.extend(build_indexes(store).await);
    }
    failures
}

/// Shows the failures in the metric, and once an hour in the log.
#[derive(Default)]
struct Log {
    warned: Option<Instant>,
}

impl Log {
    fn note(&mut self, failures: &[anyhow::Error]) {
        metrics::set_unpublished(failures.len());
        if !failures.is_empty() && self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            log::warn!(
                reason:% = in_words(failures);
                "Readers may not see all columns of the submissions. Forms are stored all the same. \
                 If a right or a function is missing, run deploy/postgres/roles.sql and `worker migrate`."
            );
            self.warned = Some(Instant::now());
        }
    }
}

/// Records the schemas and makes the views. One that fails holds up no other.
async fn make_views(store: &Store, form_types: &[FormType]) -> Vec<anyhow::Error> {
    let mut failures = record_schemas(store, form_types).await;
    let (store, form_types) = (store.clone(), form_types.to_vec());
    let made = blocking(move || store.publish(&form_types)).await;
    failures.extend(note(made, "Published the submissions for readers."));
    failures
}

async fn build_indexes(store: &Store) -> Vec<anyhow::Error> {
    let store = store.clone();
    let built = blocking(move || store.index_relations()).await;
    note(built, "Built the indexes for readers.")
}

async fn record_schemas(store: &Store, form_types: &[FormType]) -> Vec<anyhow::Error> {
    let mut failures = Vec::new();
    for form_type in form_types {
        let (store, form_type) = (store.clone(), form_type.clone());
        let recorded = blocking(move || store.record_schema(&form_type)).await;
        failures.extend(recorded.context("cannot record a schema").err());
    }
    failures
}

/// Logs what was done, and returns what was not.
fn note(published: anyhow::Result<Published>, message: &str) -> Vec<anyhow::Error> {
    match published {
        Ok(Published { done, failed }) => {
            if !done.is_empty() {
                log::info!(relations = done.join(","); "{message}");
            }
            failed.into_iter().map(anyhow::Error::from).collect()
        }
        Err(error) => vec![error],
    }
}

async fn blocking<T, E>(call: impl FnOnce() -> Result<T, E> + Send + 'static) -> anyhow::Result<T>
where
    T: Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    Ok(spawn_blocking(call).await??)
}
