//! `make local`: the whole system on this machine, until Ctrl-C.

use std::{cell::Cell, process::ExitCode, thread, time::Duration};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use test_kit::local::{Local, Place};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make local: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    // Before anything is there to be left behind. Dropping `local` stops everything in order.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| error.to_string())?;
    let signals = Cell::new(Some(signals));
    let interrupted = || {
        let Some(mut pending) = signals.take() else { return true };
        let stop = pending.pending().next().is_some();
        signals.set((!stop).then_some(pending));
        stop
    };
    let mut local = Local::start(Place::here()?, &interrupted)?;
    if !interrupted() {
        println!("{}", local.introduction());
    }
    while !interrupted() {
        local.check()?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
