//! The worker as a program: `worker`, `worker migrate` to bring the schema up to date and end, or
//! `worker --check-settings` to say what is wrong with the environment, or show it.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use process::{logging, run, settings::Environment, stop};
use worker::settings::Settings;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let settings = match Settings::read(Environment::of_process()) {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::FAILURE;
        }
    };
    logging::start(&settings.log);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run::to_the_end(async {
            // Before it listens: from then on somebody may want it to stop.
            let stop = stop::on_signal()?;
            worker::build(settings).await?.run(stop).await
        }),
        ["--check-settings"] => {
            // Secrets show themselves as such.
            let _ = writeln!(io::stdout(), "{settings:#?}");
            ExitCode::SUCCESS
        }
        ["migrate"] => run::to_the_end(async { worker::migrate(&settings).await }),
        _ => {
            eprintln!("usage: worker [migrate | --check-settings]");
            ExitCode::from(2)
        }
    }
}
