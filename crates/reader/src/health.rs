//! The checks of the health page.

use service::health::{Check, Health};
use store::Store;
use tokio::task::spawn_blocking;

use crate::clients::{Directory, Unknown};

/// Ready means that clients can be recognised and rows can be read. The primary may be away for a
/// while.
pub fn health(rows: &Store, directory: &Directory) -> Health {
    Health::new(vec![
        ("database".to_owned(), rows_check(rows.clone())),
        ("clients".to_owned(), clients_check(directory.clone())),
    ])
}

fn rows_check(store: Store) -> Check {
    Box::new(move || {
        let store = store.clone();
        Box::pin(async move {
            let answered = spawn_blocking(move || store.ping().is_ok());
            if answered.await.unwrap_or(false) {
                Ok(())
            } else {
                Err("the database does not answer")
            }
        })
    })
}

fn clients_check(directory: Directory) -> Check {
    Box::new(move || {
        let known = directory.known().map(drop).map_err(|unknown| match unknown {
            Unknown::NotRead => "the clients cannot be read",
            Unknown::KeysUnreadable => "CREDENTIALS_KEY opens no key of a client",
        });
        Box::pin(async move { known })
    })
}
