//! The intake as a program: `api`, or `api --check-settings` to say what is wrong with the environment, or show it, or
//! `api --healthcheck` to ask the one that runs here whether it is ready.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use api::settings::{DEFAULT_PORT, Settings};
use mimalloc::MiMalloc;
use service::{healthcheck, logging, run, settings::Environment, stop};

/// The C library's allocator takes a sixth of all instructions.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let only_checks_settings =
        match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => false,
            ["--check-settings"] => true,
            ["--healthcheck"] => return healthcheck::ask(DEFAULT_PORT, "/healthcheck/ready/"),
            _ => {
                eprintln!("usage: api [--check-settings | --healthcheck]");
                return ExitCode::from(2);
            }
        };
    let settings = match Settings::read(Environment::of_process()) {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::FAILURE;
        }
    };
    if only_checks_settings {
        // Secrets show themselves as such.
        let _ = writeln!(io::stdout(), "{settings:#?}");
        return ExitCode::SUCCESS;
    }
    logging::start(&settings.log);
    run::run_to_completion(async {
        // Before it listens: from then on somebody may want it to stop.
        let stop = stop::on_signal()?;
        Ok(api::build(settings).await?.run(stop).await?)
    })
}
