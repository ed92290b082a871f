//! Reading from the database, in a bounded number of blocking calls.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use relations::{Relation, RelationName};
use store::Store;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::{access::Caller, named::Named, refusal::Refusal};

/// How long a call waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);

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
    turns: Arc<Semaphore>,
    /// How long a statement may take.
    pub statement: Duration,
}

impl Reads {
    /// As many calls at the same time as there are connections, so that no thread waits for one.
    pub fn new(store: Store, statement: Duration) -> Self {
        let turns = usize::try_from(store.connections_limit()).unwrap_or(1);
        Self { store, turns: Arc::new(Semaphore::new(turns)), statement }
    }

    /// Runs a blocking call.
    ///
    /// # Errors
    /// The call fails, or it is not its turn in time.
    pub async fn run<T: Send + 'static, E: Into<Refusal> + Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = timeout(TURN_WITHIN, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Bug)?;
        let store = self.store.clone();
        let called = spawn_blocking(move || {
            // The turn is over when the call is, also if nobody waits for it any more.
            let _turn = turn;
            call(&store)
        });
        called.await.map_err(|_| Refusal::Bug)?.map_err(Into::into)
    }

    /// The relation with the columns that exist for the client.
    ///
    /// # Errors
    /// The client may not read it, it is not published, or the database cannot answer. A client that
    /// may not read it does not learn whether it exists.
    pub async fn find(&self, caller: &Caller, named: &Named) -> Result<Found, Refusal> {
        let name: RelationName = named.relation();
        let access = caller.client.scopes.allows(&name).ok_or(Refusal::Scope)?;
        let found = self.run(move |store| Relation::find(store, &name)).await?;
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
