//! The commands that run the services of the local run.

use std::process::Command;

use super::{roles, setup::Setup};
use crate::{forms, program::path_of, stack::aws};

/// The messages of a killed worker come back after this many seconds. The default, as in AWS, is
/// hours.
const VISIBILITY_TIMEOUT: &str = "120";

/// A service that a developer starts alone, after `make debug` has started the surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoneService {
    Api,
    /// A worker for all form types.
    Worker,
    /// A worker only for enrolments. Its health page is on a free port, so that it can run beside
    /// the other worker.
    EnrolmentWorker,
    Reader,
}

pub fn local_sqs(setup: &Setup) -> Command {
    let mut command = command("local-sqs", setup.ports().local_sqs, setup);
    command.env("DATA_DIR", setup.queue_directory());
    command
}

/// The reader gets its rights here, so the worker must have made the tables before.
///
/// # Errors
/// The roles cannot be made, or the key of the clients' keys cannot be read.
pub fn service(service: LoneService, setup: &Setup, database_url: &str) -> anyhow::Result<Command> {
    let ports = setup.ports();
    let endpoint = format!("http://127.0.0.1:{}", ports.local_sqs);
    let sqs = aws(&endpoint);
    let mut command = match service {
        LoneService::Api => command("api", ports.api, setup),
        LoneService::Worker => command("worker", ports.worker, setup),
        LoneService::EnrolmentWorker => command("worker", 0, setup),
        LoneService::Reader => command("reader", ports.reader, setup),
    };
    match service {
        LoneService::Api => {
            command.envs(sqs).env("UI_SECRET", forms::SECRET);
        }
        LoneService::Worker | LoneService::EnrolmentWorker => {
            // A short wait, because Ctrl-C waits for the poll that is in flight.
            command.envs(sqs).envs([
                ("DATABASE_URL", database_url),
                ("SQS_WAIT_TIME", "2"),
                ("SQS_VISIBILITY_TIMEOUT", VISIBILITY_TIMEOUT),
            ]);
        }
        LoneService::Reader => {
            roles::grant(database_url)?;
            command.envs([
                ("DATABASE_URL", roles::url_as(database_url, "form_reader")?),
                ("CREDENTIALS_KEY", setup.credentials_key()?),
            ]);
        }
    }
    if service == LoneService::EnrolmentWorker {
        command.env("WORKER_FORM_TYPES", "enrolment");
    }
    Ok(command)
}

/// One of our programs, with only those of the developer's variables that are passed on.
fn command(program: &str, port: u16, setup: &Setup) -> Command {
    let mut command = Command::new(path_of(program));
    command.env_clear().envs(setup.passed_on());
    command.envs([("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port.to_string())]);
    command
}
