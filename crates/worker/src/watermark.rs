//! Keeps the watermark of `forms` close behind the newest row, for readers, and from time to time
//! advances that of `erasures`.

use std::{sync::Arc, time::Duration};

use store::UnavailableKind;
use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use crate::{metrics, pipeline::Shared};

/// The longest wait between steps without new rows from this worker, because other processes store
/// rows too, and draw ids that they never commit.
const WITHOUT_NEW_ROWS: Duration = Duration::from_secs(1);
/// Many inserts share a step. A row is readable after two of them at the latest, if other transactions
/// are short.
const BETWEEN_STEPS: Duration = Duration::from_millis(10);
/// The pace depends on so many steps.
const LAST_STEPS: usize = 16;
/// Somebody else has locked the watermark, usually another worker for its step.
const WHILE_LOCKED: Duration = Duration::from_millis(50);
const WITHOUT_DATABASE: Duration = Duration::from_secs(5);
/// The time limit of a step. A step waits for nobody, so it takes this long only if PostgreSQL hangs.
const STEP_WITHIN: Duration = Duration::from_secs(10);
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// Signals that rows were committed. Clones signal the same listener.
#[derive(Clone, Debug, Default)]
pub struct NewRows(Arc<Notify>);

impl NewRows {
    pub fn tell(&self) {
        self.0.notify_one();
    }
}

/// Advances the watermark step by step, forever. If a step fails, for example because a right is
/// missing, this logs a warning at most once an hour; storing goes on.
pub async fn keep_advancing(Shared { store, gate, new_rows, .. }: &Shared) {
    let mut warned: Option<Instant> = None;
    let mut last_step = Instant::now();
    let mut erasures_at: Option<Instant> = None;
    let mut last_steps = [Duration::ZERO; LAST_STEPS];
    loop {
        if !gate.is_open() {
            // The alert about the database says enough.
            metrics::set_watermark_age(Duration::ZERO);
            gate.wait_until_open().await;
            last_step = Instant::now();
        }
        let began = Instant::now();
        let store = store.clone();
        let with_erasures = erasures_at.is_none_or(|at| at.elapsed() >= WITHOUT_NEW_ROWS);
        if with_erasures {
            erasures_at = Some(began);
        }
        let step = move || {
            let watermark = store.advance_watermark();
            if with_erasures && watermark.is_ok() {
                store.advance_watermark_of_erasures()?;
            }
            watermark
        };
        let step = timeout(STEP_WITHIN, spawn_blocking(step)).await;
        let rest = rest_after(&mut last_steps, began.elapsed());
        match step {
            Ok(Ok(Ok(Some(watermark)))) => {
                last_step = Instant::now();
                metrics::set_watermark_age(watermark.waits.unwrap_or_default());
                if let Some(waited) = watermark.waits {
                    // Whoever waits for a long transaction does not notice a twentieth more.
                    sleep(rest.max(waited / 20).min(WITHOUT_NEW_ROWS)).await;
                } else {
                    sleep(rest).await;
                    let _no_new_row = timeout(WITHOUT_NEW_ROWS, new_rows.0.notified()).await;
                }
            }
            // Another worker or a reader is making one; or somebody holds the lock and does not let
            // go of it.
            Ok(Ok(Ok(None))) => {
                metrics::set_watermark_age(last_step.elapsed());
                sleep(rest.max(WHILE_LOCKED)).await;
            }
            // It fails, it hangs, or the panic hook has logged a panic.
            failed => {
                metrics::set_watermark_age(last_step.elapsed());
                if let Ok(Ok(Err(unavailable))) = failed
                    && unavailable.kind == UnavailableKind::StatementFailed
                    && warned.is_none_or(|at| at.elapsed() >= WARN_EVERY)
                {
                    log::warn!(
                        reason:% = unavailable;
                        "Cannot advance the watermark, so readers see no new rows. If the function or the right is \
                         missing, run `worker migrate` and give the worker's role EXECUTE on advance_watermark."
                    );
                    warned = Some(Instant::now());
                }
                sleep(WITHOUT_DATABASE).await;
            }
        }
    }
}

/// If most steps are slow, the machine is busy, or they read past many old versions of their row: so
/// make fewer, and use a quarter of the time at most. A single slow one has waited for a processor.
fn rest_after(last_steps: &mut [Duration; LAST_STEPS], took: Duration) -> Duration {
    last_steps.rotate_left(1);
    last_steps[LAST_STEPS - 1] = took;
    let mut sorted = *last_steps;
    sorted.sort_unstable();
    (sorted[LAST_STEPS / 2] * 3).clamp(BETWEEN_STEPS, WITHOUT_NEW_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_fewer_if_most_are_slow() {
        let mut last_steps = [Duration::from_millis(1); LAST_STEPS];
        let mut rest = |took| rest_after(&mut last_steps, Duration::from_millis(took)).as_millis();
        assert_eq!([40; LAST_STEPS / 2 - 1].map(&mut rest), [10; LAST_STEPS / 2 - 1]);
        assert_eq!(rest(40), 120);
        assert_eq!([5; LAST_STEPS].map(&mut rest).last(), Some(&15));
        assert_eq!([2400; LAST_STEPS].map(&mut rest).last(), Some(&1000));
    }
}
