//! Waiting for what happens elsewhere, without a fixed sleep.

use std::time::{Duration, Instant};

/// Longer than anything should take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks again until the answer is there.
///
/// # Panics
/// After a minute, with what was waited for.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
