//! The queue server as a program.

use std::io;
use std::process::ExitCode;

use local_sqs::Settings;
use mimalloc::MiMalloc;
use process::settings::{Environment, LogSettings};
use process::{logging, run, stop};

/// The C library's allocator takes a sixth of all instructions.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    run::to_the_end(async {
        // Before it listens: from then on somebody may want it to stop.
        let stop = stop::on_signal()?;
        local_sqs::build(settings).map_err(io::Error::other)?.run(stop).await
    })
}
