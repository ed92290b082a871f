//! `make local`: the whole system on this machine, until Ctrl-C. `local surroundings`: what the services need, and
//! `local api`, `local worker`, `local enrolment-worker`: one of them within that.

use std::{cell::Cell, env, process::ExitCode, thread, time::Duration};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use test_kit::local::{Local, Part, Parts, Place, become_part};

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
    let place = Place::here()?;
    let parts = match env::args().nth(1).as_deref() {
        None => Parts::All,
        Some("surroundings") => Parts::Surroundings,
        Some("api") => match become_part(Part::Api, &place)? {},
        Some("worker") => match become_part(Part::Worker, &place)? {},
        Some("enrolment-worker") => match become_part(Part::EnrolmentWorker, &place)? {},
        Some(_) => {
            return Err("usage: local [surroundings | api | worker | enrolment-worker]".to_owned());
        }
    };
    // Before anything is there to be left behind. Dropping `local` stops everything in order.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| error.to_string())?;
    let signals = Cell::new(Some(signals));
    let interrupted = || {
        let Some(mut pending) = signals.take() else { return true };
        let stop = pending.pending().next().is_some();
        signals.set((!stop).then_some(pending));
        stop
    };
    let mut local = Local::start(place, parts, &interrupted)?;
    if !interrupted() {
        println!("{}", local.introduction());
    }
    while !interrupted() {
        local.check()?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
