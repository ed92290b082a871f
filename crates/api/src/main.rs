//! The intake as a program: `api`, or `api --check-settings` to say what is wrong with the environment, or show it.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use api::settings::Settings;
use mimalloc::MiMalloc;
use process::{logging, run, settings::Environment, stop};

/// The C library's allocator takes a sixth of all instructions.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let settings = match Settings::read(Environment::of_process()) {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::FAILURE;
        }
    };
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => {}
        [argument] if argument == "--check-settings" => {
            // Secrets show themselves as such.
            let _ = writeln!(io::stdout(), "{settings:#?}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("usage: api [--check-settings]");
            return ExitCode::from(2);
        }
    }
    logging::start(&settings.log);
    run::to_the_end(async {
        // Before it listens: from then on somebody may want it to stop.
        let stop = stop::on_signal()?;
        api::build(settings).await?.run(stop).await
    })
}
