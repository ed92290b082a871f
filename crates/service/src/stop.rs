//! The signal to stop, as a value that is passed in.

use std::{io, thread};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
    low_level,
};
use tokio_util::sync::CancellationToken;

/// Exit status of a process that a second signal ended in the middle of its work.
const STOPPED_TWICE: i32 = 130;

/// A token that the first SIGTERM or SIGINT cancels; the second signal ends the process at once.
///
/// # Errors
/// The handlers could not be installed.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let name = low_level::signal_name(signal).unwrap_or("a signal");
            if stopping.is_cancelled() {
                log::error!("Got {name} while stopping, and exit at once.");
                low_level::exit(STOPPED_TWICE);
            }
            log::info!("Got {name}, and stop.");
            stopping.cancel();
        }
    })?;
    Ok(stop)
}
