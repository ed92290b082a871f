//! The whole system on a developer's machine: PostgreSQL, local-sqs, worker, api and reader.
//! Their data stays in `.local/`.

mod database;
mod introduction;
mod manage;
mod roles;
mod services;
mod setup;

use std::{
    convert::Infallible, os::unix::process::CommandExt, process::Command, thread, time::Duration,
};

use anyhow::Context;

use crate::program::{Output, Program, Signal, is_healthy};
use database::Database;

pub use manage::become_manage;
pub use services::LoneService;
pub use setup::{RunningSystem, Setup};

/// Longer than the grace period of the services.
const STOP_LIMIT: Duration = Duration::from_secs(35);

/// What is started together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The whole system.
    All,
    /// PostgreSQL and local-sqs, for services that are started one by one.
    Surroundings,
}

/// The running system. When it is dropped, everything stops in order: reader and api before the
/// worker, the worker before local-sqs, and PostgreSQL last.
pub struct Local {
    running: Vec<Running>,
    database: Database,
    setup: Setup,
    parts: Parts,
}

struct Running {
    program: Program,
    ready_page: String,
}

impl Local {
    /// Starts these parts, and returns when all of them are ready or `interrupted` says so.
    ///
    /// # Errors
    /// A part does not start.
    pub fn start(
        setup: Setup,
        parts: Parts,
        interrupted: &dyn Fn() -> bool,
    ) -> anyhow::Result<Self> {
        let ports = setup.ports();
        setup.check_free(&[ports.local_sqs, ports.postgres])?;
        if parts == Parts::All {
            setup.check_free(&[ports.api, ports.worker, ports.reader])?;
        }
        let database = Database::open(&setup)?;
        let url = database.url();
        setup.write_address(&url)?;
        setup.credentials_key()?;

        let mut local = Self { running: Vec::new(), database, setup, parts };
        local.run("local-sqs", services::local_sqs(&local.setup), ports.local_sqs)?;
        if parts == Parts::All {
            // Views that the worker makes at any later time are open to the reader.
            roles::grant(&url)?;
            let worker = services::service(LoneService::Worker, &local.setup, &url)?;
            local.run("worker", worker, ports.worker)?;
            let api = services::service(LoneService::Api, &local.setup, &url)?;
            local.run("api", api, ports.api)?;
        }
        local.wait_until_ready(interrupted)?;
        if parts == Parts::All && !interrupted() {
            // Only now are the tables there that the reader needs.
            let reader = services::service(LoneService::Reader, &local.setup, &url)?;
            local.run("reader", reader, ports.reader)?;
            local.wait_until_ready(interrupted)?;
        }
        Ok(local)
    }

    fn run(&mut self, name: &str, mut command: Command, port: u16) -> anyhow::Result<()> {
        let page = if name == "local-sqs" { "/healthcheck/" } else { "/healthcheck/ready/" };
        let ready_page = format!("http://127.0.0.1:{port}{page}");
        // A process group of its own: Ctrl-C reaches us, and we stop the programs in order.
        command.process_group(0);
        let program = Program::spawn(name, &mut command, Output::Inherited)?;
        self.running.push(Running { program, ready_page });
        Ok(())
    }

    fn wait_until_ready(&mut self, interrupted: &dyn Fn() -> bool) -> anyhow::Result<()> {
        while !self.running.iter().all(|running| is_healthy(&running.ready_page)) {
            if interrupted() {
                return Ok(());
            }
            self.check_running()?;
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Fails if a program has ended.
    ///
    /// # Errors
    /// One has ended, and the error names it.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        for running in &mut self.running {
            running.program.check_running()?;
        }
        Ok(())
    }

    /// Where everything is, and how to send a form.
    pub fn introduction(&self) -> String {
        let url = self.database.url();
        match self.parts {
            Parts::All => {
                introduction::of_the_whole_system(&self.setup, &url, &self.database.directory)
            }
            Parts::Surroundings => introduction::of_the_surroundings(&self.setup, &url),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        while let Some(mut running) = self.running.pop() {
            if !matches!(running.program.status(), Ok(None)) {
                continue;
            }
            let name = running.program.name().to_owned();
            if let Err(error) = running.program.signal(Signal::Term) {
                eprintln!("cannot ask {name} to stop, so it is killed: {error}");
                continue;
            }
            if running.program.wait(STOP_LIMIT).is_err() {
                eprintln!("{name} does not stop, so it is killed");
            }
        }
    }
}

/// Turns this process into a service that uses the running surroundings.
///
/// # Errors
/// It returns only if that fails.
pub fn become_service(service: LoneService, setup: &Setup) -> anyhow::Result<Infallible> {
    let database_url = setup.running_system()?.database_url;
    let mut command = services::service(service, setup, &database_url)?;
    Err(command.exec()).context("cannot run it")
}
