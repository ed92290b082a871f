//! Tasks without which the process is useless: a panic in one of them ends the process.
//!
//! Without this, a service whose only sender or poller has panicked would stay up and green and do
//! nothing. Ending it is safe: nothing that it has promised is in its memory alone.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use signal_hook::low_level;

/// The exit status after such a panic, the same as after a panic of `main`.
const EXIT_STATUS_AFTER_PANIC: i32 = 101;

/// Runs a task that must live as long as the process. If it panics, this logs its name and ends the
/// process at once with exit status 101, so that whoever started the process starts it again.
///
/// The log line has no payload of the panic, which may quote input; the panic hook of
/// [`crate::logging`] has logged the place before. Work that depends on input belongs into a task of
/// its own: no input may end the process.
pub async fn must_live<T>(name: &'static str, task: impl Future<Output = T>) -> T {
    match AssertUnwindSafe(task).catch_unwind().await {
        Ok(value) => value,
        Err(_) => {
            log::error!(
                task = name;
                "A task that must live has panicked: the process ends, because it would do nothing."
            );
            // Other threads may be inside libpq or OpenSSL, so nothing is cleaned up.
            low_level::exit(EXIT_STATUS_AFTER_PANIC);
        }
    }
}
