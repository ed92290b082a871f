//! Where a measurement runs: PostgreSQL, the queue and the services of a revision.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use secrecy::SecretString;
use serde_json::json;
use store::{Store, StoreSettings};
use test_kit::{
    Fault, Service, Sqs, forms,
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    stack::aws,
};
use tokio::runtime::{self, Runtime};

use crate::{
    commands::worker,
    requests::{FORM_TYPE, QUEUE, Requests, signed_forms},
};

/// Durability as in production; the cluster of the tests has less.
const DURABLE: [(&str, &str); 4] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("wal_level", "replica"),
];
const CURRENT: &str = "current";

pub struct Lab {
    /// With one thread, because the load generator must be cheap.
    runtime: Runtime,
    postgres: Cluster,
    /// Directory of both builds of local-sqs.
    programs: PathBuf,
    /// Signed forms, each different.
    pub forms: Requests,
    is_quick: bool,
    databases: AtomicU32,
}

/// The services of one revision.
pub struct Revision {
    /// The heading of its column in the table.
    pub name: String,
    pub programs: PathBuf,
}

pub struct QueueServer {
    service: Service,
    /// A client of it.
    pub sqs: Sqs,
    queue_url: String,
}

/// Which build of local-sqs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueBuild {
    /// Without fault hooks, as we ship it.
    Shipped,
    /// With fault hooks: it can count calls and delay answers, and has to read each request twice for that.
    Hooked,
}

impl Revision {
    pub fn current(programs: &Path) -> Self {
        Self { name: CURRENT.to_owned(), programs: programs.to_owned() }
    }

    pub fn is_current(&self) -> bool {
        self.name == CURRENT
    }
}

impl Lab {
    /// Starts PostgreSQL; `programs` is the directory of both builds of local-sqs.
    pub fn prepare(programs: PathBuf, is_quick: bool) -> Result<Self> {
        Self::with_settings(programs, is_quick, &[])
    }

    /// With these settings of PostgreSQL too.
    pub fn with_settings(
        programs: PathBuf,
        is_quick: bool,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let postgres = Cluster::throwaway(ClusterOptions {
            settings: durable_and(settings),
            stop_with_thread: cfg!(target_os = "linux"),
        })?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let forms = signed_forms(if is_quick { 1 << 12 } else { 1 << 16 });
        Ok(Self { runtime, postgres, programs, forms, is_quick, databases: AtomicU32::new(0) })
    }

    /// Stops PostgreSQL when it has written everything.
    pub fn stop_postgres(&mut self) -> Result<()> {
        // The stop itself has a time limit.
        self.ask_postgres("checkpoint")?;
        self.postgres.stop(Shutdown::Fast);
        Ok(())
    }

    /// Starts PostgreSQL again with these settings.
    pub fn start_postgres(&mut self, settings: &[(&str, &str)]) -> Result<()> {
        self.postgres.set(durable_and(settings));
        Ok(self.postgres.start()?)
    }

    /// The process id of PostgreSQL while it runs.
    pub fn postgres_pid(&self) -> Result<u32> {
        self.postgres.pid().context("PostgreSQL does not run")
    }

    /// Runs a future to its end.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// A tenth of the time in a quick run.
    pub fn seconds(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(if self.is_quick { seconds / 10.0 } else { seconds })
    }

    /// A twentieth of the amount in a quick run.
    pub fn amount(&self, amount: u64) -> u64 {
        if self.is_quick { amount.div_ceil(20) } else { amount }
    }

    /// Creates an empty database and returns its URL.
    pub fn empty_database(&self) -> Result<String> {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.ask_postgres(&format!("create database {name}"))?;
        Ok(self.postgres.url(&name))
    }

    /// Creates an empty, migrated database and returns its URL.
    pub fn database(&self) -> Result<String> {
        let url = self.empty_database()?;
        self.store(&url)?.migrate()?;
        // Otherwise PostgreSQL would write out earlier changes during the measurement.
        sql(&url, "checkpoint")?;
        Ok(url)
    }

    /// Creates a database that the worker of this revision has migrated, and returns its URL. What a
    /// schema costs belongs to a revision, so no revision runs on the schema of another.
    pub fn database_of(&self, revision: &Revision) -> Result<String> {
        let url = self.empty_database()?;
        // With `migrate`, no worker makes the views for readers beside its work.
        worker(&revision.programs, &url, &["migrate"])?.end()?;
        sql(&url, "checkpoint")?;
        Ok(url)
    }

    /// Keeps the disk from filling.
    pub fn drop_database(&self, url: &str) -> Result<()> {
        let name = url.rsplit('/').next().context("the URL of a database has no name")?;
        self.ask_postgres(&format!("drop database {name} with (force)"))?;
        Ok(())
    }

    /// A store with one connection.
    pub fn store(&self, url: &str) -> Result<Store> {
        let settings =
            StoreSettings { pool_size: 1, ..StoreSettings::new(SecretString::from(url)) };
        Ok(Store::new(&settings)?)
    }

    pub fn ask_postgres(&self, statement: &str) -> Result<String> {
        Ok(sql(&self.postgres.url("postgres"), statement)?)
    }

    /// Starts local-sqs in memory, with the form queue; it delays every answer.
    pub fn queue_server(&self, build: QueueBuild, delay: Duration) -> QueueServer {
        let program = match build {
            QueueBuild::Shipped => "local-sqs",
            QueueBuild::Hooked => "local-sqs-hooked",
        };
        let service = start(&self.programs, program, &[]);
        let sqs = Sqs::at(&service.url(""));
        let queue_url = self.wait(sqs.create(QUEUE, json!({})));
        let server = QueueServer { service, sqs, queue_url };
        self.delay_answers(&server, delay);
        server
    }

    /// Delays every answer of a server; without fault hooks the delay must be zero.
    pub fn delay_answers(&self, server: &QueueServer, delay: Duration) {
        if !delay.is_zero() {
            self.wait(server.sqs.fault(Fault::on_all().delay(delay)));
        }
    }

    /// Starts the api of a revision and waits until it is ready.
    pub fn api(&self, revision: &Revision, endpoint: &str) -> Service {
        let mut variables = service_variables(endpoint);
        variables.push(("UI_SECRET", forms::SECRET));
        let api = start(&revision.programs, "api", &variables);
        self.wait(api.ready());
        api
    }

    /// Starts the worker of a revision; `variables` come on top of the usual ones.
    pub fn worker(
        &self,
        revision: &Revision,
        endpoint: &str,
        database: &str,
        variables: &[(&str, &str)],
    ) -> Service {
        let variables = [&worker_variables(endpoint, database), variables].concat();
        start(&revision.programs, "worker", &variables)
    }
}

impl QueueServer {
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// The URL of the form queue.
    pub fn queue_url(&self) -> &str {
        &self.queue_url
    }
}

fn durable_and(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    // The server uses the last of two values.
    let all = DURABLE.iter().chain(settings);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The settings of every service, for this SQS endpoint.
pub fn service_variables(endpoint: &str) -> Vec<(&str, &str)> {
    let mut variables = aws(endpoint).to_vec();
    // As in the images.
    variables.push(("MIMALLOC_PURGE_DELAY", "0"));
    variables.push(("FORM_TYPES", FORM_TYPE));
    variables
        .push(("FORM_TYPES_DIR", concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/form-types")));
    variables
}

pub fn worker_variables<'a>(endpoint: &'a str, database: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut variables = service_variables(endpoint);
    variables.extend([
        ("DATABASE_URL", database),
        ("SQS_VISIBILITY_TIMEOUT", "120"),
        ("SQS_WAIT_TIME", "1"),
    ]);
    variables
}

fn start(directory: &Path, program: &str, variables: &[(&str, &str)]) -> Service {
    spawn(program, &mut Command::new(directory.join(program)), variables)
}

/// Starts a command on a free port, with these variables and no others.
pub fn spawn(name: &str, command: &mut Command, variables: &[(&str, &str)]) -> Service {
    command.env_clear().envs([
        ("BIND_ADDRESS", "127.0.0.1"),
        ("PORT", "0"),
        ("RUST_BACKTRACE", "0"),
    ]);
    Service::spawn(name, command.envs(variables.iter().copied()))
}
