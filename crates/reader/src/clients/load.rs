//! Reads the clients from the primary.

use credentials::CredentialsKey;
use relations::{Scope, Scopes};
use store::{Store, StoredClient, StoredScope, Unavailable};

use super::{Client, Key, Known};

/// The clients, and the keys and scopes that could not be read.
#[derive(Debug)]
pub struct Loaded {
    pub known: Known,
    /// Live keys that could not be opened.
    pub unreadable: usize,
    /// Live keys that could be opened.
    pub readable: usize,
}

/// Reads all clients and opens their keys.
///
/// # Errors
/// The database cannot answer.
pub fn load(primary: &Store, credentials: &CredentialsKey) -> Result<Loaded, Unavailable> {
    let (mut readable, mut unreadable) = (0, 0);
    let clients = primary.clients()?.into_iter().filter(|client| client.disabled_at.is_none());
    let clients: Vec<Client> = clients
        .map(|client| {
            let live = client.keys.iter().filter(|key| key.is_live());
            let mut keys = Vec::new();
            for key in live {
                match credentials.open(&client.id, &key.id, &key.ciphertext) {
                    None => unreadable += 1,
                    Some(opened) => keys.push(Key {
                        id: key.id.clone(),
                        text: opened.text,
                        is_ours: !key.imported,
                    }),
                }
            }
            readable += keys.len();
            Client { scopes: scopes(&client), keys, id: client.id }
        })
        .collect();
    Ok(Loaded { known: Known::new(clients), unreadable, readable })
}

/// A pattern that this build does not understand allows nothing.
fn scopes(client: &StoredClient) -> Scopes {
    let scope = |StoredScope { pattern, columns, .. }: &StoredScope| {
        let scope = Scope::new(pattern, columns.clone());
        if scope.is_err() {
            log::warn!(client = client.id; "A scope of a client is not one.");
        }
        scope.ok()
    };
    Scopes::new(client.scopes.iter().filter_map(scope))
}
