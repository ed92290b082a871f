//! The clients that this instance knows.
//!
//! They are read from the database again and again, so that a change takes effect everywhere within
//! 30 s. While the database is away, the clients that were read last count for some minutes.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use relations::{Column, Relation, RelationName};
use secrecy::SecretString;

/// How long clients count that cannot be read again.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// Somebody who may read.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    /// One, or two while the key is being changed.
    pub keys: Vec<Key>,
    pub scopes: Vec<Scope>,
}

/// A key of a client.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    /// The key itself, which is the Bearer token, too.
    pub text: SecretString,
}

/// What a client may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `schema/table`; `*` stands for a whole part, and at the end of a schema for the rest of it.
    pub pattern: String,
    /// Other columns do not exist for the client.
    pub columns: Option<Vec<String>>,
}

/// Clients that were read together.
#[derive(Debug, Default)]
pub struct Known {
    by_id: HashMap<String, Arc<Client>>,
    /// By the id of the key.
    by_key: HashMap<String, Arc<Client>>,
}

/// The clients that count now. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Directory(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    known: Arc<Known>,
    read_at: Option<Instant>,
    keys_are_unreadable: bool,
}

/// Why nobody can be recognised. It is our fault, not the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The clients were not read yet, or too long ago.
    NotRead,
    /// `CREDENTIALS_KEY` opens no key.
    KeysUnreadable,
}

impl Known {
    pub fn new(clients: impl IntoIterator<Item = Client>) -> Self {
        let mut known = Self::default();
        for client in clients.into_iter().map(Arc::new) {
            for key in &client.keys {
                known.by_key.insert(key.id.clone(), Arc::clone(&client));
            }
            known.by_id.insert(client.id.clone(), client);
        }
        known
    }

    pub fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.by_id.get(id)
    }

    pub fn client_of_key(&self, key: &str) -> Option<&Arc<Client>> {
        self.by_key.get(key)
    }

    /// As `hawk-auth` takes them.
    pub fn for_hawk(&self) -> hawk_auth::Clients {
        hawk_auth::Clients::new(self.by_id.values().filter_map(|client| {
            let mut keys = client.keys.iter().map(|key| key.text.clone());
            Some((client.id.clone(), keys.next()?, keys.next()))
        }))
    }
}

impl Directory {
    pub fn replace(&self, known: Known) {
        let (known, read_at) = (Arc::new(known), Some(Instant::now()));
        *self.0.write() = State { known, read_at, keys_are_unreadable: false };
    }

    /// No key could be opened: nobody can be recognised, however long the last clients were good.
    pub fn keys_are_unreadable(&self) {
        self.0.write().keys_are_unreadable = true;
    }

    /// The clients that count.
    ///
    /// # Errors
    /// There are none, because of a fault of ours.
    pub fn known(&self) -> Result<Arc<Known>, Unknown> {
        let state = self.0.read();
        match state.read_at {
            _ if state.keys_are_unreadable => Err(Unknown::KeysUnreadable),
            Some(read_at) if read_at.elapsed() < GOOD_FOR => Ok(Arc::clone(&state.known)),
            _ => Err(Unknown::NotRead),
        }
    }
}

impl Client {
    /// Whether it may read the relation, and which of its columns.
    pub fn may_read(&self, name: &RelationName) -> Option<Visible> {
        let mut columns = Vec::new();
        let mut may = false;
        for scope in self.scopes.iter().filter(|scope| scope.covers(name)) {
            may = true;
            match &scope.columns {
                None => return Some(Visible::All),
                Some(some) => columns.extend(some.iter().cloned()),
            }
        }
        may.then_some(Visible::Some(columns))
    }
}

/// The columns that exist for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    All,
    Some(Vec<String>),
}

impl Visible {
    /// The relation with these columns alone; `None` if none is left.
    pub fn of(&self, mut relation: Relation) -> Option<Relation> {
        if let Self::Some(names) = self {
            relation.columns.retain(|Column { name, .. }| names.contains(name));
        }
        (!relation.columns.is_empty()).then_some(relation)
    }
}

impl Scope {
    fn covers(&self, name: &RelationName) -> bool {
        let Some((schema, table)) = self.pattern.split_once('/') else { return false };
        let schema_fits = match schema.strip_suffix('*') {
            Some(beginning) => name.schema.starts_with(beginning),
            None => name.schema == schema,
        };
        schema_fits && (table == "*" || table == name.table)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(scopes: &[(&str, Option<&[&str]>)]) -> Client {
        let scopes = scopes.iter().map(|(pattern, columns)| Scope {
            pattern: (*pattern).to_owned(),
            columns: columns.map(|columns| columns.iter().map(|c| (*c).to_owned()).collect()),
        });
        Client { id: "c".to_owned(), keys: Vec::new(), scopes: scopes.collect() }
    }

    #[test]
    fn a_pattern_covers_whole_names_and_the_beginning_of_a_schema() {
        for (pattern, schema, table, expected) in [
            ("submissions/*", "submissions", "registration", true),
            ("submissions/registration", "submissions", "registration", true),
            ("submissions/registration", "submissions", "registrations", false),
            ("submissions/reg*", "submissions", "registration", false),
            ("submissions/*", "submissions.x", "L1", false),
            ("org.*/L0", "org.ds", "L0", true),
            ("org.*/L0", "org.ds", "L1", false),
            ("org.*/L0", "organisation.ds", "L0", false),
            ("*/*", "org.ds", "L0", true),
            ("*.ds/L0", "org.ds", "L0", false),
            // The alias counts as what it stands for.
            ("submissions/x", "submissions.x", "L0", true),
            ("submissions.x/L0", "submissions.x", "L0", false),
            ("submissions.*/L0", "submissions.x", "L0", false),
        ] {
            let name = RelationName::new(schema, table);
            let may = client(&[(pattern, None)]).may_read(&name).is_some();
            assert_eq!(may, expected, "{pattern} {schema}/{table}");
        }
        assert_eq!(client(&[]).may_read(&RelationName::new("org.ds", "L0")), None);
    }

    #[test]
    fn scopes_with_columns_add_up() {
        let name = RelationName::new("org.ds", "L0");
        let visible = |scopes| client(scopes).may_read(&name).unwrap();
        let some =
            |columns: &[&str]| Visible::Some(columns.iter().map(|c| (*c).to_owned()).collect());
        assert_eq!(visible(&[("org.ds/L0", Some(&["a"]))]), some(&["a"]));
        assert_eq!(
            visible(&[("org.ds/L0", Some(&["a"])), ("org.*/L0", Some(&["b"]))]),
            some(&["a", "b"])
        );
        assert_eq!(visible(&[("org.ds/L0", Some(&["a"])), ("*/*", None)]), Visible::All);
    }
}
