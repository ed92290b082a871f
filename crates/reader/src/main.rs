//! The reader as a program.

use std::process::ExitCode;

use clap::Parser;
use reader::{
    arguments::Arguments,
    settings::{DEFAULT_PORT, Settings},
};
use service::{healthcheck, logging, run, settings::Environment, stop};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.healthcheck {
        return healthcheck::ask(DEFAULT_PORT, "/healthcheck/ready/");
    }
    let settings = match Settings::read(Environment::of_process()) {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.check_settings {
        logging::start(&settings.log.only_warnings());
        settings.report.print();
        settings.listen.warn();
        settings.warn();
        return ExitCode::SUCCESS;
    }
    logging::start(&settings.log);
    run::run_to_completion(async {
        // Handles signals before it listens: from then on somebody may want to stop it.
        let stop = stop::on_signal()?;
        reader::build(settings).await?.run(stop).await
    })
}
