//! The clients that may read published relations, with their keys and scopes.

mod change;
mod new;

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Binary, Bool, Nullable, Text, Timestamptz},
};

pub use self::{
    change::{EndedKey, RotatedKey},
    new::{NewClient, NewKey, NewScope},
};
use crate::{store::Store, unavailable::Unavailable};

/// A client, also a disabled one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClient {
    /// The name with which it signs.
    pub id: String,
    /// What it is for, and whom to ask.
    pub description: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Who added it.
    pub created_by: String,
    /// Since when all its requests are refused.
    pub disabled_at: Option<DateTime<Utc>>,
    /// In the order in which they were made; also those that have ended.
    pub keys: Vec<StoredKey>,
    /// What it may read, in the order of the patterns.
    pub scopes: Vec<StoredScope>,
}

/// A key of a client.
#[derive(Clone, PartialEq, Eq, QueryableByName)]
pub struct StoredKey {
    /// Its name, which a key of ours contains.
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    client_id: String,
    /// The key, encrypted.
    #[diesel(sql_type = Binary)]
    pub ciphertext: Vec<u8>,
    /// Whether it was taken over from the old data store.
    #[diesel(sql_type = Bool)]
    pub imported: bool,
    /// When it was made.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// Who made it.
    #[diesel(sql_type = Text)]
    pub created_by: String,
    /// When it was ended; `None` for a live key.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub ended_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Relations that a client may read.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct StoredScope {
    #[diesel(sql_type = Text)]
    client_id: String,
    /// `schema/table`, with `*` for a whole part or for the end of the schema.
    #[diesel(sql_type = Text)]
    pub pattern: String,
    /// The only columns that exist for the client; `None` for all.
    #[diesel(sql_type = Nullable<Array<Text>>)]
    pub columns: Option<Vec<String>>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    created_by: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    disabled_at: Option<DateTime<Utc>>,
}

/// Nobody should find even an encrypted key in a log.
impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("id", &self.id)
            .field("imported", &self.imported)
            .field("created_at", &self.created_at)
            .field("ended_at", &self.ended_at)
            .finish_non_exhaustive()
    }
}

impl StoredKey {
    /// Whether it may be used.
    pub fn is_live(&self) -> bool {
        self.ended_at.is_none()
    }
}

impl Store {
    /// Every client by its id, as of one moment.
    ///
    /// # Errors
    /// The database does not answer, or this role may not read the tables.
    pub fn clients(&self) -> Result<Vec<StoredClient>, Unavailable> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let (rows, keys, scopes) = self.session()?.run_in_own_transaction(begin, |connection| {
            let rows: Vec<Row> = sql_query(
                "SELECT id, description, created_at, created_by, disabled_at FROM clients ORDER BY id",
            )
            .load(connection)?;
            let keys: Vec<StoredKey> = sql_query(
                "SELECT id, client_id, ciphertext, imported, created_at, created_by, ended_at, last_used_at
                     FROM client_keys ORDER BY created_at, id",
            )
            .load(connection)?;
            let scopes: Vec<StoredScope> = sql_query(
                "SELECT client_id, pattern, columns FROM client_scopes ORDER BY client_id, pattern",
            )
            .load(connection)?;
            Ok((rows, keys, scopes))
        })?;
        let mut keys = by_client(keys, |key| &key.client_id);
        let mut scopes = by_client(scopes, |scope| &scope.client_id);
        let clients = rows.into_iter().map(|row| StoredClient {
            keys: keys.remove(&row.id).unwrap_or_default(),
            scopes: scopes.remove(&row.id).unwrap_or_default(),
            id: row.id,
            description: row.description,
            created_at: row.created_at,
            created_by: row.created_by,
            disabled_at: row.disabled_at,
        });
        Ok(clients.collect())
    }
}

fn by_client<T>(all: Vec<T>, client: impl Fn(&T) -> &String) -> BTreeMap<String, Vec<T>> {
    let mut by_client: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for one in all {
        by_client.entry(client(&one).clone()).or_default().push(one);
    }
    by_client
}
