//! Whether PostgreSQL can lose rows that it has reported as stored.

use service::health::Check;
use store::{DurabilityRisk, Store};
use tokio::task::spawn_blocking;

/// Warns of each way to lose rows. Says nothing if the database does not answer.
pub async fn warn(store: &Store) {
    let store = store.clone();
    let Ok(Ok(durability)) = spawn_blocking(move || store.durability()).await else { return };
    for risk in durability.risks() {
        let loses = match &risk {
            DurabilityRisk::NoFsync => "if the machine of PostgreSQL crashes",
            DurabilityRisk::WeakCommit(_) | DurabilityRisk::AsynchronousStandbys(_) => {
                "if a standby takes over"
            }
        };
        log::warn!(
            risk:% = risk;
            "PostgreSQL can lose forms {loses}: their messages are deleted as soon as it reports them as stored."
        );
    }
}

/// Passes if each row that PostgreSQL reports as stored is on a standby too.
pub fn sync_standby_check(store: &Store) -> Check {
    let store = store.clone();
    Box::new(move || {
        let store = store.clone();
        Box::pin(async move {
            match spawn_blocking(move || store.durability()).await {
                Ok(Ok(durability)) => durability.no_synchronous_standby().map_or(Ok(()), Err),
                Ok(Err(_)) | Err(_) => Err("the database does not answer"),
            }
        })
    })
}
