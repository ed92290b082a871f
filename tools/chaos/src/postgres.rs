//! PostgreSQL, stopped and started on demand.
//!
//! The server belongs to a thread of its own. It stops with that thread, however the program ends.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use anyhow::{Context, Result};
use test_kit::postgres::{Cluster, ClusterOptions, PostgresError, Shutdown, sql};
use tokio::{sync::oneshot, task::spawn_blocking};

const THREAD_ENDED: &str = "the thread of PostgreSQL ended";

/// A server that runs or is stopped. Dropping it stops it.
pub struct Postgres {
    commands: Option<mpsc::Sender<Command>>,
    owner: Option<thread::JoinHandle<()>>,
    /// The superuser's URL, up to the name of the database.
    url: String,
    port: u16,
}

enum Command {
    Stop(Shutdown, oneshot::Sender<Result<(), PostgresError>>),
    Start(oneshot::Sender<Result<(), PostgresError>>),
    Log(oneshot::Sender<String>),
}

impl Postgres {
    pub async fn start(directory: PathBuf, port: u16) -> Result<Self> {
        let (commands, received) = mpsc::channel();
        let (started, url) = oneshot::channel();
        let owner = thread::spawn(move || run_server(&directory, port, started, &received));
        let url = url.await.context(THREAD_ENDED)?.context("PostgreSQL does not start")?;
        Ok(Self { commands: Some(commands), owner: Some(owner), url, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("{}{database}", self.url)
    }

    /// Runs statements as the superuser, without blocking the runtime, and returns the output of psql.
    pub async fn sql(&self, database: &str, statements: impl Into<String>) -> Result<String> {
        let (url, statements) = (self.url(database), statements.into());
        Ok(spawn_blocking(move || sql(&url, &statements)).await??)
    }

    /// Returns when it has stopped.
    pub async fn stop(&self, shutdown: Shutdown) -> Result<()> {
        Ok(self.send(|done| Command::Stop(shutdown, done)).await??)
    }

    /// Starts it again on its port, unless it is running.
    pub async fn restart(&self) -> Result<()> {
        Ok(self.send(Command::Start).await??)
    }

    pub async fn log(&self) -> Result<String> {
        self.send(Command::Log).await
    }

    async fn send<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T> {
        let (done, answer) = oneshot::channel();
        self.commands
            .as_ref()
            .and_then(|commands| commands.send(command(done)).ok())
            .context(THREAD_ENDED)?;
        answer.await.context(THREAD_ENDED)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(owner) = self.owner.take() {
            let _ = owner.join();
        }
    }
}

/// Owns the server until there are no more commands.
fn run_server(
    directory: &Path,
    port: u16,
    started: oneshot::Sender<Result<String, PostgresError>>,
    commands: &mpsc::Receiver<Command>,
) {
    let settings =
        [("fsync", "off"), ("max_connections", "60"), ("log_min_error_statement", "panic")];
    let options = ClusterOptions {
        // We kill the server, never the machine, so nothing needs to reach the disk.
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        stop_with_thread: cfg!(target_os = "linux"),
    };
    let mut cluster = match Cluster::open_with(directory, port, options) {
        Ok(cluster) => cluster,
        Err(error) => return drop(started.send(Err(error))),
    };
    if started.send(Ok(cluster.url(""))).is_err() {
        return;
    }
    // `done.send` fails if the task that asked has ended; nobody needs the answer then.
    while let Ok(command) = commands.recv() {
        match command {
            Command::Stop(shutdown, done) => {
                cluster.stop(shutdown);
                drop(done.send(Ok(())));
            }
            Command::Start(done) => drop(done.send(cluster.start())),
            Command::Log(done) => drop(done.send(cluster.log())),
        }
    }
    cluster.stop(Shutdown::Immediate);
}
