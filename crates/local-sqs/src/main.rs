//! The queue server as a program.

use std::io;
use std::process::ExitCode;

use local_sqs::{BuildError, Settings};
use process::settings::{Environment, LogSettings};
use process::{logging, run, stop};

fn main() -> ExitCode {
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
    run::to_the_end(async { local_sqs::build(settings).map_err(with_causes)?.run(stop::on_signal()?).await })
}

/// The whole chain in one sentence, since the end of the process shows one.
fn with_causes(error: BuildError) -> io::Error {
    io::Error::other(format!("{:#}", anyhow::Error::from(error)))
}
