//! The intake as a program.

use std::process::ExitCode;

use api::settings::Settings;
use process::{logging, run, settings::Environment, stop};

fn main() -> ExitCode {
    let settings = match Settings::read(Environment::of_process()) {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::FAILURE;
        }
    };
    logging::start(&settings.log);
    run::to_the_end(async {
        // Before it listens: from then on somebody may want it to stop.
        let stop = stop::on_signal()?;
        api::build(settings).await?.run(stop).await
    })
}
