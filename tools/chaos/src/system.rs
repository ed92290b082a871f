//! The system under test: PostgreSQL, local-sqs on disk, apis and workers, each on a port that it keeps.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow};
use parking_lot::Mutex;
use serde_json::{Value, json};
use test_kit::{
    Service, Sqs, forms,
    postgres::sql,
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE, aws},
};
use tokio::{task::spawn_blocking, time::Duration};

use crate::postgres::Postgres;

/// Of the rows.
pub const DATABASE: &str = "forms";
/// Whom the workers log in as: nobody special, so that limits on connections count for them.
pub const ROLE: &str = "worker";
/// Seconds after which a message comes again that somebody died with.
pub const VISIBILITY_TIMEOUT: &str = "8";

/// All that runs. Whatever still does is killed on drop.
pub struct System {
    /// Two of them, but where kills are all that matters.
    pub apis: Vec<Arc<Program>>,
    /// Likewise.
    pub workers: Vec<Arc<Program>>,
    /// The queue server.
    pub local_sqs: Arc<Program>,
    /// The same, seen from outside.
    pub sqs: Sqs,
    /// The database server.
    pub postgres: Postgres,
}

/// A program of ours that can be killed and started again.
pub struct Program {
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

impl System {
    /// Starts everything, with so many apis and workers, and returns when all of it is ready.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(
        directory: &Path,
        instances: usize,
        worker_variables: &[(&str, &str)],
    ) -> Result<Self> {
        // PostgreSQL runs as another user where we are root.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
        let logs = directory.join("logs");
        fs::create_dir_all(&logs)?;
        let postgres = Postgres::start(directory.join("postgres"), free_port()?).await?;
        let password = format!("{:032x}", rand::random::<u128>());
        postgres.sql("postgres", format!("create role {ROLE} login password '{password}'")).await?;
        postgres.sql("postgres", format!("create database {DATABASE} owner {ROLE}")).await?;

        let data = directory.join("sqs").to_string_lossy().into_owned();
        let local_sqs = Program::new("local-sqs", 0, &logs, &[("DATA_DIR", &data)])?;
        let endpoint = local_sqs.url("");
        let queue = aws(&endpoint);
        let url = format!("postgres://{ROLE}:{password}@127.0.0.1:{}/{DATABASE}", postgres.port());
        let mut of_worker = queue.to_vec();
        of_worker.extend([("DATABASE_URL", url.as_str()), ("SQS_WAIT_TIME", "1")]);
        of_worker.push(("SQS_VISIBILITY_TIMEOUT", VISIBILITY_TIMEOUT));
        of_worker.extend(worker_variables);
        let mut of_api = queue.to_vec();
        of_api.push(("UI_SECRET", forms::SECRET));
        let start = |program: &'static str, variables: &[(&str, &str)]| {
            (0..instances)
                .map(|index| Program::new(program, index, &logs, variables))
                .collect::<Result<Vec<_>>>()
        };
        let (apis, workers) = (start("api", &of_api)?, start("worker", &of_worker)?);
        let system = Self { apis, workers, sqs: Sqs::at(&endpoint), local_sqs, postgres };
        system.local_sqs.start().await?;
        for program in system.workers.iter().chain(&system.apis) {
            program.start().await?;
            program.ready().await?;
        }
        Ok(system)
    }

    /// The URL of a queue, which is the same whether local-sqs is there or not.
    pub fn queue_url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.sqs.endpoint())
    }

    /// What the form queue holds, unless local-sqs is away.
    pub async fn counts(&self) -> Option<Counts> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let input = json!({ "QueueUrl": self.queue_url(QUEUE), "AttributeNames": names });
        let asked = self.sqs.try_call("GetQueueAttributes", input);
        let answer = tokio::time::timeout(Duration::from_secs(2), asked).await.ok()?.ok()?;
        let count = |name| {
            answer.pointer(&format!("/Attributes/{name}")).and_then(Value::as_str)?.parse().ok()
        };
        let [visible, in_flight] = names;
        Some(Counts { visible: count(visible)?, in_flight: count(in_flight)? })
    }

    /// Takes everything off the invalid queue.
    pub async fn drain_invalid(&self) -> Vec<test_kit::sqs::Seen> {
        self.sqs.drain(INVALID).await
    }

    /// Every program that runs or should.
    pub fn programs(&self) -> impl Iterator<Item = &Arc<Program>> {
        std::iter::once(&self.local_sqs).chain(&self.workers).chain(&self.apis)
    }
}

impl Program {
    fn new(
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

    /// `api-1` and so on.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens while it runs.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its process id while it runs, and is not being started or stopped.
    pub fn pid(&self) -> Option<u32> {
        self.state.try_lock()?.running.as_ref().map(Service::pid)
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.state.lock().starts
    }

    /// Rows that a worker recognised as stored already, by the logs of those of its lives that are over.
    pub fn already_stored(&self) -> u64 {
        self.state.lock().already_stored
    }

    /// Starts it on its port, and returns when it listens. One that runs is left alone.
    ///
    /// # Errors
    /// It does not start; its log is on standard error.
    pub async fn start(self: &Arc<Self>) -> Result<()> {
        let program = Arc::clone(self);
        let started = spawn_blocking(move || {
            let mut state = program.state.lock();
            if state.running.is_none() {
                let port = program.port.to_string();
                let mut variables = vec![("PORT", port.as_str())];
                variables.extend(
                    program.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())),
                );
                state.running = Some(Service::start(program.program, &variables));
                state.starts += 1;
            }
        });
        started.await.map_err(|_| anyhow!("{} does not start", self.name))
    }

    /// Sends a signal that it goes on after.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let state = self.state.lock();
        state
            .running
            .as_ref()
            .with_context(|| format!("{} does not run", self.name))?
            .signal(signal);
        Ok(())
    }

    /// Ends it with a signal, waits for its end, and keeps its log; its exit code, where it has one.
    ///
    /// # Errors
    /// It does not end, or its log cannot be kept.
    pub async fn stop(self: &Arc<Self>, signal: Signal) -> Result<Option<i32>> {
        let program = Arc::clone(self);
        let stopped = spawn_blocking(move || {
            let mut state = program.state.lock();
            let Some(service) = state.running.take() else { return Ok(None) };
            let (status, log) = service.stop(signal);
            let counts = log.split(" already_stored=").skip(1);
            let counts = counts.filter_map(|rest| rest.split(' ').next()?.parse::<u64>().ok());
            state.already_stored += counts.sum::<u64>();
            fs::write(program.logs.join(format!("{}-{}.log", program.name, state.starts)), log)?;
            Ok(status.code())
        });
        stopped.await.map_err(|_| anyhow!("{} does not end", self.name))?
    }

    /// Waits until its health page says that it is ready.
    ///
    /// # Errors
    /// Not within a minute.
    pub async fn ready(&self) -> Result<()> {
        let url = self.url("/healthcheck/ready/");
        for _ in 0..600 {
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(anyhow!("{} is not ready", self.name))
    }
}

/// Below those that the system gives to connections, so that it stays free while its owner is down.
fn free_port() -> Result<u16> {
    for _ in 0..1000 {
        let port = rand::random_range(10_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(anyhow!("no port is free"))
}

/// What psql answers, without holding up the runtime.
///
/// # Errors
/// What psql says.
pub async fn sql_at(url: String, statements: String) -> Result<String> {
    Ok(spawn_blocking(move || sql(&url, &statements)).await??)
}
