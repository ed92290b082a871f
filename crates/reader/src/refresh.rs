//! Reads the clients again and again.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use credentials::CredentialsKey;
use store::Store;
use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    access::Access,
    clients::{Loaded, load},
};

/// A change takes effect within twice this time.
const EVERY: Duration = Duration::from_secs(10);
/// Before the clients were read once, nobody can read.
const AT_FIRST: Duration = Duration::from_millis(500);

/// Never returns.
pub async fn keep_reading(
    access: web::Data<Access>,
    primary: Store,
    credentials: Arc<CredentialsKey>,
) {
    let mut was_unreadable = false;
    loop {
        let (store, key) = (primary.clone(), Arc::clone(&credentials));
        match spawn_blocking(move || load(&store, &key)).await {
            Ok(Ok(Loaded { readable: 0, unreadable, .. })) if unreadable > 0 => {
                if !was_unreadable {
                    log::error!(keys = unreadable; "CREDENTIALS_KEY opens no key of a client, so nobody can read.");
                }
                was_unreadable = true;
                access.directory.keys_are_unreadable();
            }
            Ok(Ok(Loaded { known, unreadable, .. })) => {
                if unreadable > 0 && !was_unreadable {
                    log::warn!(keys = unreadable; "Neither CREDENTIALS_KEY nor CREDENTIALS_KEY_PREVIOUS opens some keys of clients.");
                }
                was_unreadable = unreadable > 0;
                access.replace_clients(known);
            }
            Ok(Err(unavailable)) => {
                log::warn!(reason:% = unavailable; "Cannot read the clients.");
            }
            // The panic hook has logged it.
            Err(_) => {}
        }
        let is_known = access.directory.known().is_ok();
        sleep(if is_known || was_unreadable { EVERY } else { AT_FIRST }).await;
    }
}
