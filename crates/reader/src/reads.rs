//! Reading from a database, in a bounded number of blocking calls.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use relations::Relation;
use store::{Cancel, Store, Unavailable, UnavailableKind};
use tokio::{task::spawn_blocking, time::sleep};

use crate::{access::Caller, clients::Client, fair::Fair, named::Named, refusal::Refusal};

/// How long a call waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// A statement that nobody waits for is cancelled this often, until it has ended.
const CANCEL_AGAIN: Duration = Duration::from_millis(200);
const CANCEL_TIMES: u32 = 50;

/// A relation, as far as it exists for a client.
pub struct Found {
    pub relation: Relation,
    /// In the list of erasures: the only form types whose rows exist for it.
    pub form_types: Option<BTreeSet<String>>,
}

/// The database from which rows are read. Clones share its turns.
#[derive(Clone)]
pub struct Reads {
    store: Store,
    turns: Fair,
    client: String,
    /// How long a statement may take.
    pub statement: Duration,
}

/// The primary, for questions that only it can answer.
#[derive(Clone)]
pub struct Primary(pub Reads);

impl Reads {
    /// So many calls at the same time that no thread waits for a connection.
    pub fn new(store: Store, turns: u32, statement: Duration) -> Self {
        let turns = usize::try_from(turns).unwrap_or(1);
        Self { store, turns: Fair::new(turns, 1), client: String::new(), statement }
    }

    /// The same for this client, which has at most half of the turns.
    pub fn of(&self, client: &Client) -> Self {
        Self { client: client.id.clone(), ..self.clone() }
    }

    /// Runs a blocking call. If nobody waits for it any more, for example because the client has
    /// gone, what it reads is cancelled.
    ///
    /// # Errors
    /// The call fails, or it is not its turn in time.
    pub async fn run<T: Send + 'static, E: Into<Refusal> + Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.run_within(TURN_WITHIN, call).await
    }

    /// [`Reads::run`] that waits for its turn as long as this.
    ///
    /// # Errors
    /// As [`Reads::run`].
    pub async fn run_within<T: Send + 'static, E: Into<Refusal> + Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.turns.take(&self.client, 1, limit).await?;
        let waiting = Awaited {
            store: self.store.clone(),
            cancel: Cancel::default(),
            has_ended: Arc::default(),
        };
        let store = self.store.cancelled_by(&waiting.cancel);
        let has_ended = Ended(Arc::clone(&waiting.has_ended));
        let called = spawn_blocking(move || {
            // The turn is over when the call is, also if nobody waits for it any more.
            let _ends = (turn, has_ended);
            call(&store)
        });
        called.await.map_err(|_| Refusal::Bug)?.map_err(Into::into)
    }

    /// The relation with the columns that exist for the client.
    ///
    /// # Errors
    /// The client may not read it, it is not published, the version is gone, or the database cannot
    /// answer. A client that may not read it does not learn whether it exists.
    pub async fn find(
        &self,
        caller: &Caller,
        named: &Named,
        version: Option<i32>,
    ) -> Result<Found, Refusal> {
        let name = named.relation();
        let access = caller.client.scopes.allows(&name).ok_or(Refusal::Scope)?;
        let found = self.run(move |store| {
            let found = again(|| Relation::find(store, &name, version))?;
            let is_gone = found.is_none()
                && version.is_some()
                && Relation::find(store, &name, None)?.is_some();
            Ok::<_, Unavailable>((found, is_gone))
        });
        let (found, is_gone) = found.await?;
        if is_gone {
            return Err(Refusal::VersionGone);
        }
        let mut relation = found.ok_or(Refusal::NotFound)?;
        if let Some(columns) = access.columns {
            relation.columns.retain(|column| columns.contains(&column.name));
        }
        if relation.columns.is_empty() {
            return Err(Refusal::NotFound);
        }
        Ok(Found { relation, form_types: access.form_types })
    }
}

/// Calls again if a standby has cancelled the query.
///
/// # Errors
/// Those of the call.
pub fn again<T, E: IsConflict>(call: impl Fn() -> Result<T, E>) -> Result<T, E> {
    match call() {
        Err(error) if error.is_conflict() => call(),
        result => result,
    }
}

/// An error that may be the cancellation of a query by a standby.
pub trait IsConflict {
    fn is_conflict(&self) -> bool;
}

impl IsConflict for Unavailable {
    fn is_conflict(&self) -> bool {
        self.kind == UnavailableKind::Conflict
    }
}

impl IsConflict for relations::Error {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Unavailable(unavailable) if unavailable.is_conflict())
    }
}

/// Says that a call has ended, however it did.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A call for whose result somebody waits, until this is dropped.
struct Awaited {
    store: Store,
    cancel: Cancel,
    has_ended: Arc<AtomicBool>,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.has_ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (store, cancel) = (self.store.clone(), self.cancel.clone());
        let has_ended = Arc::clone(&self.has_ended);
        // It ends by itself, and a stop may drop it.
        runtime.spawn(async move {
            for _ in 0..CANCEL_TIMES {
                let (store, cancel) = (store.clone(), cancel.clone());
                // If that fails, PostgreSQL ends the statement when its time is over.
                let _ = spawn_blocking(move || store.cancel(&cancel)).await;
                sleep(CANCEL_AGAIN).await;
                if has_ended.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
    }
}
