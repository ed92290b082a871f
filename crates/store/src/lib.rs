//! Submissions in PostgreSQL, each stored exactly once.
//!
//! The only crate that knows diesel. Every call blocks, within bounds: an async caller uses `spawn_blocking`.
//!
//! Errors: [`InvalidSettings`] before there is a store, [`Unavailable`] whenever the database does not do its part,
//! [`MigrateError`] from [`Store::migrate`]. What becomes of a row is no error but a [`RowOutcome`].
//! PostgreSQL's DETAIL and CONTEXT quote form data; they are read nowhere in this crate.

mod store;

mod insert_once;
mod outcome;
mod session;
mod statements;

mod migrations;
mod schema;

mod connection_string;
mod pool;
mod settings;
mod unavailable;

pub use migrations::{MigrateError, SchemaState};
pub use outcome::{Insertion, RowOutcome, SqlState};
pub use settings::{InvalidSettings, StoreSettings};
pub use store::Store;
pub use unavailable::{Unavailable, UnavailableKind};
