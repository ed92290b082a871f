//! Recognises messages of erased submissions among those that are about to be set aside.
//!
//! The store recognises those that it could store. A message that cannot be decoded never gets
//! there: without this, each delivery would put content that was erased on the invalid queue.

use std::time::Duration;

use store::Store;
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    in_flight::InFlight,
    outcome::{Outcome, Settlement},
};

/// The invalid queue can wait no longer: the message must be settled in time.
const WITHIN: Duration = Duration::from_secs(1);

/// Turns the outcome of each message whose submission was erased into "already stored". If the
/// database does not say, the message is set aside, and whoever keeps it asks again.
pub async fn recognise_erased(store: &Store, messages: &[InFlight], outcomes: &mut [Outcome]) {
    let is_set_aside =
        |outcome: &Outcome| matches!(outcome.settlement(), Settlement::SetAside { .. });
    let ids: Vec<_> = messages
        .iter()
        .zip(outcomes.iter())
        .filter(|(_, outcome)| is_set_aside(outcome))
        .map(|(message, _)| {
            let received = &message.delivery.received;
            (received.submission_id(), received.first_message_id().to_owned())
        })
        .collect();
    if ids.is_empty() {
        return;
    }
    let store = store.clone();
    let asking = spawn_blocking(move || {
        let ids: Vec<_> = ids.iter().map(|(id, message_id)| (*id, message_id.as_str())).collect();
        store.are_erased(&ids)
    });
    let erased = match timeout(WITHIN, asking).await {
        Ok(Ok(Ok(erased))) => erased,
        Ok(Ok(Err(unavailable))) => {
            log::warn!(
                reason:% = unavailable;
                "The database does not say which invalid messages are of erased submissions."
            );
            return;
        }
        // It took too long, or has panicked, which the panic hook has logged.
        Ok(Err(_)) | Err(_) => return,
    };
    let set_aside = outcomes.iter_mut().filter(|outcome| is_set_aside(outcome));
    for (outcome, _) in set_aside.zip(erased).filter(|(_, is_erased)| *is_erased) {
        *outcome = Outcome::AlreadyStored;
    }
}
