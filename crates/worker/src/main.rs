//! The worker as a program: serves, or runs one command and exits.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use service::{
    healthcheck, logging, run,
    settings::{Environment, Faults},
    stop,
};
use worker::{
    arguments::{Arguments, Command, FinishMoveArguments, InvalidCommand},
    invalid,
    settings::{DEFAULT_PORT, OperatorSettings, Settings},
};

/// The C library's allocator would take a sixth of all instructions.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = Environment::of_process();
    let ended = match arguments.command {
        Some(Command::Redrive(arguments)) => operate(environment, async |settings| {
            let stop = stop::on_signal()?;
            invalid::redrive(settings, &arguments, &stop).await
        }),
        Some(Command::Invalid(InvalidCommand::List(arguments))) => {
            operate(environment, async |settings| {
                let stop = stop::on_signal()?;
                invalid::list(settings, &arguments, &stop).await
            })
        }
        Some(Command::Migrate) => {
            serve(environment, async |settings| worker::migrate(&settings).await)
        }
        Some(Command::FinishMove(FinishMoveArguments { back })) => {
            serve(environment, async |settings| worker::finish_move(&settings, back).await)
        }
        None if arguments.healthcheck => Ok(healthcheck::ask(DEFAULT_PORT, "/healthcheck/ready/")),
        None if arguments.check_settings => Settings::read(environment).map(|settings| {
            logging::start(&settings.log.only_warnings());
            settings.report.print();
            settings.listen.warn();
            settings.report.warn();
            settings.warn();
            ExitCode::SUCCESS
        }),
        None => serve(environment, async |settings| {
            // Before the worker listens, because from then on somebody may send it a signal.
            let stop = stop::on_signal()?;
            worker::build(settings).await?.run(stop).await
        }),
    };
    ended.unwrap_or_else(|faults| {
        eprintln!("{faults}");
        ExitCode::FAILURE
    })
}

fn serve(
    environment: Environment,
    run: impl AsyncFnOnce(Settings) -> anyhow::Result<()>,
) -> Result<ExitCode, Faults> {
    let settings = Settings::read(environment)?;
    logging::start(&settings.log);
    settings.report.warn();
    Ok(run::run_to_completion(run(settings)))
}

fn operate(
    environment: Environment,
    run: impl AsyncFnOnce(&OperatorSettings) -> anyhow::Result<()>,
) -> Result<ExitCode, Faults> {
    let settings = OperatorSettings::read(environment)?;
    logging::start(&settings.log);
    Ok(run::run_to_completion(run(&settings)))
}
