//! Signals to processes that we started. We do not use the program `kill`, which is missing on
//! small machines.

use std::io;

use rustix::process::{Pid, Signal, kill_process};

/// Sends the signal with this number.
///
/// # Errors
/// The process is gone, or the signal does not exist.
pub fn send(pid: u32, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal)) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    Ok(kill_process(pid, signal)?)
}
