//! A program that is killed and started again, always on the same port.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use parking_lot::Mutex;
use test_kit::{Service, Signal, program::path_of};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// The exit status for arguments that a program does not know.
const WRONG_COMMAND_LINE: i32 = 2;

pub struct Instance {
    name: String,
    program: &'static str,
    port: u16,
    variables: Vec<(String, String)>,
    logs: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: Option<Service>,
    starts: u32,
    already_stored: u64,
}

impl Instance {
    /// Does not start it. `logs` is the directory for the logs of all its lives.
    pub fn new(
        program: &'static str,
        index: usize,
        logs: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Arc<Self>> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let name = format!("{program}-{}", index + 1);
        let (port, logs) = (free_port()?, logs.to_owned());
        Ok(Arc::new(Self { name, program, port, variables, logs, state: Mutex::default() }))
    }

    /// For example `api-1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its process id; `None` if it does not run, or is starting or stopping.
    pub fn pid(&self) -> Option<u32> {
        self.state.try_lock()?.running.as_ref().map(Service::pid)
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.state.lock().starts
    }

    /// How many rows a worker recognised as already stored, according to the logs of its past lives.
    pub fn already_stored(&self) -> u64 {
        self.state.lock().already_stored
    }

    /// Starts it unless it is running, and returns when it listens.
    pub async fn start(self: &Arc<Self>) -> Result<()> {
        let instance = Arc::clone(self);
        spawn_blocking(move || instance.start_blocking()).await?
    }

    fn start_blocking(&self) -> Result<()> {
        let mut state = self.state.lock();
        if state.running.is_none() {
            let mut command = self.command();
            command.env("BIND_ADDRESS", "127.0.0.1").env("PORT", self.port.to_string());
            state.running = Some(Service::try_spawn(&self.name, &mut command)?);
            state.starts += 1;
        }
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(path_of(self.program));
        command
            .env_clear()
            .env("RUST_BACKTRACE", "0")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs another command of the same program with the same settings, and kills it after `limit` if it still runs.
    /// Its log is kept beside the others.
    pub async fn run_for(&self, arguments: &[&str], limit: Duration) -> Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.logs.join(format!("{}-commands.log", self.name)))?;
        let mut command = tokio::process::Command::from(self.command());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut running = command.kill_on_drop(true).spawn()?;
        match timeout(limit, running.wait()).await {
            Ok(status) => {
                ensure!(status?.code() != Some(WRONG_COMMAND_LINE), "{arguments:?} is no command");
            }
            Err(_) => running.kill().await?,
        }
        Ok(())
    }

    /// Sends a signal that does not end the process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let state = self.state.lock();
        let running = state.running.as_ref();
        running.with_context(|| format!("{} does not run", self.name))?.signal(signal);
        Ok(())
    }

    /// Ends it with a signal, keeps its log, and returns its exit code if it has one.
    pub async fn stop(self: &Arc<Self>, signal: Signal) -> Result<Option<i32>> {
        let instance = Arc::clone(self);
        let stopped = spawn_blocking(move || instance.stop_blocking(signal));
        stopped.await.map_err(|_| anyhow!("{} does not end", self.name))?
    }

    fn stop_blocking(&self, signal: Signal) -> Result<Option<i32>> {
        let mut state = self.state.lock();
        let Some(service) = state.running.take() else { return Ok(None) };
        let (status, log) = service.stop(signal);
        state.already_stored += count_already_stored(&log);
        fs::write(self.logs.join(format!("{}-{}.log", self.name, state.starts)), log)?;
        Ok(status.code())
    }

    /// Waits up to a minute until its health page reports that it is ready.
    pub async fn wait_until_ready(&self) -> Result<()> {
        let url = self.url("/healthcheck/ready/");
        for _ in 0..600 {
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err(anyhow!("{} is not ready", self.name))
    }
}

/// Adds up the field that the worker logs for each batch.
fn count_already_stored(log: &str) -> u64 {
    let counts = log.split(" already_stored=").skip(1);
    counts.filter_map(|rest| rest.split([' ', '\n']).next()?.parse::<u64>().ok()).sum()
}

/// A port below the range from which the system assigns ports to connections, so that it stays free while its owner
/// is down.
pub fn free_port() -> Result<u16> {
    for _ in 0..1000 {
        let port = rand::random_range(10_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(anyhow!("no port is free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn already_stored_rows_are_added_up_from_the_log() {
        let log = "INFO Stored a batch. rows=3 already_stored=2 duration_ms=4\n\
                   INFO Stored a batch. rows=5 already_stored=5\n\
                   INFO Stored a batch. rows=1\n";
        assert_eq!(count_already_stored(log), 7);
    }
}
