//! `make local` runs the whole system on this machine until Ctrl-C. `make debug` runs what the
//! services need, and then one service after the other.

use std::{cell::Cell, ffi::OsString, process::ExitCode, thread, time::Duration};

use clap::{Parser, ValueEnum};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use test_kit::local::{Local, LoneService, Parts, Setup, become_manage, become_service};

/// Runs the whole system on this machine until Ctrl-C.
///
/// The api, the worker, the queue server, PostgreSQL and the reader listen on five ports in a row,
/// from LOCAL_PORT (default 8000). Their data stays in .local/.
#[derive(Parser)]
#[command(name = "local")]
struct Arguments {
    /// Run only this part.
    part: Option<Part>,
    /// The command of `manage`.
    #[arg(last = true)]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// PostgreSQL and the queue server, which the services need.
    Surroundings,
    /// The api. It needs the surroundings.
    Api,
    /// A worker for all form types. It needs the surroundings.
    Worker,
    /// A worker only for enrolments. It needs the surroundings.
    EnrolmentWorker,
    /// The reader. It needs the surroundings and a worker.
    Reader,
    /// One command for operators, after `--`. It needs the surroundings and a worker.
    Manage,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make local: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup::from_environment()?;
    let parts = match arguments.part {
        None => Parts::All,
        Some(Part::Surroundings) => Parts::Surroundings,
        Some(Part::Manage) => match become_manage(&setup, &arguments.command)? {},
        Some(Part::Api) => match become_service(LoneService::Api, &setup)? {},
        Some(Part::Worker) => match become_service(LoneService::Worker, &setup)? {},
        Some(Part::EnrolmentWorker) => {
            match become_service(LoneService::EnrolmentWorker, &setup)? {}
        }
        Some(Part::Reader) => match become_service(LoneService::Reader, &setup)? {},
    };
    // From here on a signal stops everything in order; before the first program starts, so that
    // none is left behind.
    let signals = Cell::new(Some(Signals::new([SIGHUP, SIGINT, SIGTERM])?));
    let interrupted = || {
        let Some(mut pending) = signals.take() else { return true };
        let stop = pending.pending().next().is_some();
        signals.set((!stop).then_some(pending));
        stop
    };
    let mut local = Local::start(setup, parts, &interrupted)?;
    if !interrupted() {
        println!("{}", local.introduction());
    }
    while !interrupted() {
        local.check_running()?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
