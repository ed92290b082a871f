//! The commands of the worker.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Result, ensure};
use test_kit::program::{Output, Program};

use crate::lab::worker_variables;

const LIMIT: Duration = Duration::from_secs(3600);

pub struct Running(Program);

/// Starts a command of the worker on a database.
pub fn worker(programs: &Path, database: &str, arguments: &[&str]) -> Result<Running> {
    let mut command = Command::new(programs.join("worker"));
    // Nobody listens there: the commands need no queue.
    let variables = worker_variables("http://127.0.0.1:9", database);
    command.args(arguments).env_clear().envs(variables).env("RUST_BACKTRACE", "0");
    Ok(Running(Program::spawn("worker", &mut command, Output::Captured)?))
}

impl Running {
    /// Waits until its log has this text.
    pub fn logged(&mut self, text: &str) -> Result<()> {
        Ok(self.0.wait_until(text, LIMIT, |worker| worker.log().contains(text).then_some(()))?)
    }

    /// Waits for its end.
    pub fn end(self) -> Result<()> {
        let (status, log) = self.0.wait(LIMIT)?;
        ensure!(status.success(), "the worker failed ({status}):\n{log}");
        Ok(())
    }
}
