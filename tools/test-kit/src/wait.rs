//! Waiting for a condition instead of a fixed sleep.

use std::time::{Duration, Instant};

/// Longer than anything should take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer. `what` is a sentence: "the gate is shut".
///
/// # Panics
/// No answer within a minute.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(Instant::now() < deadline, "waited in vain until {what}, at {caller}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// [`until`] for a condition that has no value.
///
/// # Panics
/// The condition is still false after a minute.
#[track_caller]
pub fn until_true(
    what: &str,
    mut condition: impl AsyncFnMut() -> bool,
) -> impl Future<Output = ()> {
    until(what, async move || condition().await.then_some(()))
}

/// Checks again and again that a condition holds during all of this time. Use it to test that
/// something does not happen.
///
/// # Panics
/// The condition was false once.
pub async fn while_true(what: &str, during: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while started.elapsed() < during {
        let seconds = started.elapsed().as_secs_f64();
        assert!(condition().await, "not true after {seconds:.1} s: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
