//! Commands for operators: each does one thing and exits.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};
use manage::{
    Misuse,
    arguments::{Arguments, Command},
    clients, output,
    settings::Settings,
};
use service::{logging, settings::Environment};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Command::Clients(command) = &arguments.command;
    let settings = match Settings::read(Environment::of_process(), command.needs_key()) {
        Ok(settings) => settings,
        Err(faults) => {
            output::message(&faults.to_string());
            return ExitCode::FAILURE;
        }
    };
    logging::start(&settings.log);
    settings.warn();
    match clients::run(command, &arguments.shared, &settings) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => match error.downcast_ref::<Misuse>() {
            Some(misuse) => Arguments::command().error(ErrorKind::ValueValidation, misuse).exit(),
            None => {
                output::message(&format!("{error:#}"));
                ExitCode::FAILURE
            }
        },
    }
}
