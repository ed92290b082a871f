//! The signal to stop, as a token that is passed in.

use std::{io, thread};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
    low_level,
};
use tokio_util::sync::CancellationToken;

/// The exit status after a second signal, which ends the process in the middle of its work.
const EXIT_STATUS_AFTER_SECOND_SIGNAL: i32 = 130;

/// A token that the first SIGTERM or SIGINT cancels. A second signal ends the process at once.
///
/// # Errors
/// Installing the signal handlers failed.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let name = low_level::signal_name(signal).unwrap_or("a signal");
            if stopping.is_cancelled() {
                log::error!(signal = name; "Got a second signal while stopping: exiting at once.");
                low_level::exit(EXIT_STATUS_AFTER_SECOND_SIGNAL);
            }
            log::info!(signal = name; "Got a signal: stopping.");
            stopping.cancel();
        }
    })?;
    Ok(stop)
}
