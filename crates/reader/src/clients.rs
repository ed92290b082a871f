//! The clients that this instance knows.
//!
//! They are read from the primary again and again, so that a change takes effect everywhere within
//! 30 s. While the primary is away, the clients that were read last count for some minutes.

mod load;

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use relations::Scopes;
use secrecy::SecretString;

pub use self::load::{Loaded, load};

/// How long clients count that cannot be read again.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// Somebody who may read.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    /// One, or two while the key is being changed.
    pub keys: Vec<Key>,
    pub scopes: Scopes,
}

/// A live key of a client.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    /// What is sent, or signed with.
    pub text: SecretString,
    /// Whether it names itself. A key of the old data store does not, so nobody is found by it.
    pub is_ours: bool,
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
            for key in client.keys.iter().filter(|key| key.is_ours) {
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
        self.known_at(Instant::now())
    }

    fn known_at(&self, now: Instant) -> Result<Arc<Known>, Unknown> {
        let state = self.0.read();
        match state.read_at {
            _ if state.keys_are_unreadable => Err(Unknown::KeysUnreadable),
            Some(read_at) if now < read_at + GOOD_FOR => Ok(Arc::clone(&state.known)),
            _ => Err(Unknown::NotRead),
        }
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

    #[test]
    fn clients_count_for_five_minutes_after_they_were_read() {
        let directory = Directory::default();
        assert_eq!(directory.known().unwrap_err(), Unknown::NotRead);
        directory.replace(Known::default());
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert!(directory.known_at(later(299)).is_ok());
        assert_eq!(directory.known_at(later(301)).unwrap_err(), Unknown::NotRead);
        directory.keys_are_unreadable();
        assert_eq!(directory.known().unwrap_err(), Unknown::KeysUnreadable);
        directory.replace(Known::default());
        assert!(directory.known().is_ok());
    }
}
