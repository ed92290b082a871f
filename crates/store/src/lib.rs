//! Submissions in PostgreSQL, each stored exactly once.
//!
//! The only crate that knows diesel. Every call blocks for a limited time: async callers use
//! `spawn_blocking`.
//!
//! Errors: [`InvalidSettings`] from [`Store::new`], [`MigrateError`] from [`Store::migrate`], and
//! [`Unavailable`] from any call if the database is down or cannot store rows. The outcome of a row
//! is not an error but a [`RowOutcome`]. PostgreSQL's DETAIL and CONTEXT quote form data, so this
//! crate never reads them.

mod store;

mod insert_once;
mod outcome;
mod probe;
mod session;
mod statements;

mod clients;
mod concurrent_index;
mod durability;
mod finish_move;
mod invalid;
mod migrations;
mod old_workers;
mod readers;
mod relations;
mod removal;
mod rights;
mod rows;
mod schema;
mod table_lock;
mod table_users;
mod watermark;

mod connection_string;
mod direct;
mod pool;
mod settings;
mod unavailable;

pub use clients::{
    EndedKey, NewClient, NewKey, NewScope, RotatedKey, StoredClient, StoredKey, StoredScope,
};
pub use durability::{Durability, DurabilityRisk};
pub use finish_move::{FinishMoveError, MessageIds};
pub use invalid::{Keeping, Sending, Waiting};
pub use migrations::{MigrateError, SchemaState};
pub use outcome::{Insertion, RowOutcome, SqlState};
pub use readers::{
    AuditEntry, AuditEvent, EndedExport, ExportColumn, ExportRecord, ExportState, NewExport,
    Position, SubmissionState, SubmissionWhere,
};
pub use relations::{PublishError, Published};
pub use rows::{ReadEnd, ReadLimits, TextQuery};
pub use settings::{InvalidSettings, StoreSettings};
pub use store::Store;
pub use table_users::TableUser;
pub use unavailable::{Unavailable, UnavailableKind};
pub use watermark::Watermark;
