//! Ends a reading that nobody wants any more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use diesel::{prelude::*, result::Error as DieselError, sql_query, sql_types::Integer};
use parking_lot::Mutex;

use crate::{store::Store, unavailable::Unavailable};

/// Readings that may be cancelled together. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_cancelled: AtomicBool,
    /// The process of PostgreSQL that runs a reading now. Whoever holds the lock can be sure that it
    /// does not begin anything else.
    backend: Mutex<Option<i32>>,
}

/// The readings of a [`Cancel`] run in this process, until it is dropped.
pub(crate) struct Running<'a>(Option<&'a Cancel>);

impl Cancel {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::SeqCst)
    }
}

impl<'a> Running<'a> {
    pub(crate) fn new(cancel: Option<&'a Cancel>) -> Self {
        Self(cancel)
    }

    /// From now on it can be cancelled.
    pub(crate) fn runs_in(&self, backend: i32) -> QueryResult<()> {
        if let Some(cancel) = self.0 {
            *cancel.0.backend.lock() = Some(backend);
        }
        self.check()
    }

    /// Fails if it was cancelled between two statements.
    pub(crate) fn check(&self) -> QueryResult<()> {
        if self.0.is_some_and(Cancel::is_cancelled) {
            return Err(DieselError::RollbackTransaction);
        }
        Ok(())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(cancel) = self.0 {
            *cancel.0.backend.lock() = None;
        }
    }
}

impl Store {
    /// The same store, whose readings fail as soon as [`Store::cancel`] is called.
    pub fn cancelled_by(&self, cancel: &Cancel) -> Self {
        let mut store = self.clone();
        store.cancel = Some(cancel.clone());
        store
    }

    /// Cancels the statement that runs, and all later ones. It needs a connection of its own. A
    /// statement that begins at this very moment may go on, so call it again until the reading has
    /// ended.
    ///
    /// # Errors
    /// The database is unavailable.
    pub fn cancel(&self, cancel: &Cancel) -> Result<(), Unavailable> {
        cancel.0.is_cancelled.store(true, Ordering::SeqCst);
        let mut session = self.session()?;
        let backend = cancel.0.backend.lock();
        if let Some(backend) = *backend {
            session.run(|connection| {
                sql_query("SELECT pg_cancel_backend($1)")
                    .bind::<Integer, _>(backend)
                    .execute(connection)
            })?;
        }
        Ok(())
    }
}
