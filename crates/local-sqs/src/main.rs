//! The program `local-sqs`: the queue server, or its health check.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use local_sqs::{DEFAULT_PORT, Settings, arguments::Arguments};
use mimalloc::MiMalloc;
use service::{
    healthcheck, logging, run,
    settings::{Environment, LogSettings},
    stop,
};

/// The C library's allocator takes a sixth of all instructions.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    if Arguments::parse().healthcheck {
        return healthcheck::ask(DEFAULT_PORT, "/healthcheck/");
    }
    let mut environment = Environment::of_process();
    let read = (Settings::read(&mut environment), LogSettings::read(&mut environment));
    let (settings, log) = match environment.finish(read) {
        Ok(read) => read,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::FAILURE;
        }
    };
    logging::start(&log);
    run::run_to_completion(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    // Comes before listening, because the process may be asked to stop from then on.
    let stop = stop::on_signal().context("cannot install the signal handlers")?;
    local_sqs::build(settings)?.run(stop).await?;
    Ok(())
}
