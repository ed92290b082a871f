//! The queue server as a program: `local-sqs`, or `local-sqs --healthcheck` to ask the one that runs here how it is.

use std::process::ExitCode;

use local_sqs::{DEFAULT_PORT, Settings};
use mimalloc::MiMalloc;
use service::settings::{Environment, LogSettings};
use service::{healthcheck, logging, run, stop};

/// The C library's allocator takes a sixth of all instructions.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {}
        ["--healthcheck"] => return healthcheck::ask(DEFAULT_PORT, "/healthcheck/"),
        _ => {
            eprintln!("usage: local-sqs [--healthcheck]");
            return ExitCode::from(2);
        }
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
    run::run_to_completion(async {
        // Before it listens: from then on somebody may want it to stop.
        let stop = stop::on_signal()?;
        Ok(local_sqs::build(settings)?.run(stop).await?)
    })
}
