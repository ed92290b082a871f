//! Signals to processes that we started; not through the program `kill`, which a small machine does not have.

use std::io;

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal, by its number.
///
/// # Errors
/// The process is gone, or there is no such signal.
pub fn send(pid: u32, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal)) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    Ok(kill_process(pid, signal)?)
}
