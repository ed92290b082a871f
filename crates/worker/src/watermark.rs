//! Keeps the watermark of `forms` close behind the newest row, for readers.

use std::{sync::Arc, time::Duration};

use store::{Unavailable, UnavailableKind};
use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use crate::{metrics, pipeline::Shared};

/// Other processes store rows too, and draw ids that they never commit.
const WITHOUT_NEW_ROWS: Duration = Duration::from_secs(1);
/// While a transaction holds the watermark back.
const WHILE_IT_WAITS: Duration = Duration::from_millis(50);
/// Many inserts share a step.
const BETWEEN_STEPS: Duration = Duration::from_millis(20);
const WITHOUT_DATABASE: Duration = Duration::from_secs(5);
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// Tells that rows were committed. Clones tell the same listener.
#[derive(Clone, Debug, Default)]
pub struct NewRows(Arc<Notify>);

impl NewRows {
    pub fn tell(&self) {
        self.0.notify_one();
    }
}

/// Makes one step after another, for ever. A missing right is logged once an hour; storing goes on.
pub async fn keep_advancing(Shared { store, gate, new_rows, .. }: &Shared) {
    let mut warned: Option<Instant> = None;
    loop {
        gate.wait_until_open().await;
        let store = store.clone();
        let Ok(step) = spawn_blocking(move || store.advance_watermark()).await else {
            // The panic hook has logged it.
            sleep(WITHOUT_DATABASE).await;
            continue;
        };
        match step {
            Ok(Some(watermark)) => {
                metrics::set_watermark_age(watermark.waits.unwrap_or_default());
                if watermark.waits.is_none() {
                    sleep(BETWEEN_STEPS).await;
                    let _no_new_row = timeout(WITHOUT_NEW_ROWS, new_rows.0.notified()).await;
                } else {
                    sleep(WHILE_IT_WAITS).await;
                }
            }
            // Another worker or a reader is making one.
            Ok(None) => sleep(WHILE_IT_WAITS).await,
            Err(unavailable) => {
                if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) && is_refused(&unavailable) {
                    log::warn!(
                        reason:% = unavailable;
                        "Cannot advance the watermark, so readers see no new rows. Run `worker migrate`, and give \
                         the worker's role EXECUTE on the function advance_watermark."
                    );
                    warned = Some(Instant::now());
                }
                sleep(WITHOUT_DATABASE).await;
            }
        }
    }
}

/// Whether PostgreSQL answers, and refuses this statement. Anything else is for the gate to log.
fn is_refused(unavailable: &Unavailable) -> bool {
    unavailable.kind == UnavailableKind::StatementFailed
}
