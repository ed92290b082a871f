//! What is started for a measurement: PostgreSQL, the queue, the services of a revision.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::Context;
use secrecy::SecretString;
use serde_json::json;
use store::{Store, StoreSettings};
use test_kit::{
    Service, Sqs, forms,
    postgres::{Cluster, ClusterOptions, sql},
    stack::aws,
    wait,
};
use tokio::runtime::{self, Runtime};

use crate::requests::{FORM_TYPE, QUEUE, Requests, forms as signed_forms};

/// Durability as in production, whatever the cluster of the tests has.
const DURABLE: [(&str, &str); 4] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("wal_level", "replica"),
];

/// Where everything runs.
pub struct Ground {
    /// One thread: the generator must be cheap.
    runtime: Runtime,
    postgres: Cluster,
    /// Where our own programs are.
    programs: PathBuf,
    /// Signed forms, each another.
    pub forms: Requests,
    is_quick: bool,
    databases: AtomicU32,
}

/// The services of one revision.
pub struct Side {
    /// How it is called in the table.
    pub name: String,
    /// Where its programs are.
    pub services: PathBuf,
}

/// A queue server of ours.
pub struct QueueServer {
    /// Its process.
    pub service: Service,
    /// The same, seen from outside.
    pub sqs: Sqs,
    queue_url: String,
}

/// Which build of local-sqs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Without the fault hooks, as it is shipped.
    Shipped,
    /// With them: it can count calls and answer late, and reads each request twice for that.
    Hooked,
}

impl Ground {
    /// Starts PostgreSQL; `programs` has local-sqs in both builds.
    ///
    /// # Errors
    /// PostgreSQL does not start.
    pub fn prepare(programs: PathBuf, is_quick: bool) -> anyhow::Result<Self> {
        let settings = DURABLE.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let postgres = Cluster::throwaway(ClusterOptions {
            settings,
            stop_with_thread: cfg!(target_os = "linux"),
        })?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let forms = signed_forms(if is_quick { 1 << 12 } else { 1 << 16 });
        Ok(Self { runtime, postgres, programs, forms, is_quick, databases: AtomicU32::new(0) })
    }

    /// Runs what waits.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// So many seconds; a tenth in a quick run.
    pub fn seconds(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(if self.is_quick { seconds / 10.0 } else { seconds })
    }

    /// So many things; a twentieth in a quick run.
    pub fn amount(&self, amount: u64) -> u64 {
        if self.is_quick { amount.div_ceil(20) } else { amount }
    }

    /// An empty, migrated database; its URL.
    ///
    /// # Errors
    /// PostgreSQL does not make it.
    pub fn database(&self) -> anyhow::Result<String> {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        sql(&self.postgres.url("postgres"), &format!("create database {name}"))?;
        let url = self.postgres.url(&name);
        self.store(&url)?.migrate()?;
        // What was written before is not to be paid for now.
        sql(&url, "checkpoint")?;
        Ok(url)
    }

    /// Drops a database, so that the disk does not fill.
    ///
    /// # Errors
    /// PostgreSQL does not.
    pub fn drop_database(&self, url: &str) -> anyhow::Result<()> {
        let name = url.rsplit('/').next().context("a database's URL has a name")?;
        sql(&self.postgres.url("postgres"), &format!("drop database {name} with (force)"))?;
        Ok(())
    }

    /// A store of one connection.
    ///
    /// # Errors
    /// The URL is no good.
    pub fn store(&self, url: &str) -> anyhow::Result<Store> {
        let settings =
            StoreSettings { pool_size: 1, ..StoreSettings::new(SecretString::from(url)) };
        Ok(Store::new(&settings)?)
    }

    /// What a statement answers on the server.
    ///
    /// # Errors
    /// It fails.
    pub fn ask_postgres(&self, statement: &str) -> anyhow::Result<String> {
        Ok(sql(&self.postgres.url("postgres"), statement)?)
    }

    /// Starts local-sqs, in memory, with the form queue; `delay` is what it adds to every answer.
    pub fn queue_server(&self, build: Build, delay: Duration) -> QueueServer {
        let program = match build {
            Build::Shipped => "local-sqs",
            Build::Hooked => "local-sqs-hooked",
        };
        let service = start(&self.programs, program, &[]);
        let sqs = Sqs::at(&service.url(""));
        let queue_url = self.wait(async {
            let queue_url = sqs.create(QUEUE, json!({})).await;
            if !delay.is_zero() {
                let ms = delay.as_millis() as u64;
                sqs.fault(json!({ "action": "*", "kind": "delay", "ms": ms })).await;
            }
            queue_url
        });
        QueueServer { service, sqs, queue_url }
    }

    /// Starts the intake of a revision and waits until it is ready.
    pub fn api(&self, side: &Side, endpoint: &str) -> Service {
        let mut variables = of_every_service(endpoint);
        variables.push(("UI_SECRET", forms::SECRET));
        let api = start(&side.services, "api", &variables);
        self.ready(&api);
        api
    }

    /// Starts the worker of a revision, with these variables besides.
    pub fn worker(
        &self,
        side: &Side,
        endpoint: &str,
        database: &str,
        variables: &[(&str, &str)],
    ) -> Service {
        start(
            &side.services,
            "worker",
            &[&worker_variables(endpoint, database), variables].concat(),
        )
    }

    /// Waits until a service is ready.
    pub fn ready(&self, service: &Service) {
        let url = service.url("/healthcheck/ready/");
        self.wait(wait::until("a service is ready", async || self::ask(&url).await));
    }
}

impl QueueServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        address(&self.service)
    }

    /// The URL of the form queue.
    pub fn queue_url(&self) -> &str {
        &self.queue_url
    }
}

/// Where a service listens.
pub fn address(service: &Service) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, service.port()).into()
}

/// What every service is told, at this endpoint of SQS.
pub fn of_every_service(endpoint: &str) -> Vec<(&str, &str)> {
    let mut variables = aws(endpoint).to_vec();
    // As in the images.
    variables.push(("MIMALLOC_PURGE_DELAY", "0"));
    variables.push(("FORM_TYPES", FORM_TYPE));
    variables
        .push(("FORM_TYPES_DIR", concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/form-types")));
    variables
}

/// What the worker is told.
pub fn worker_variables<'a>(endpoint: &'a str, database: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut variables = of_every_service(endpoint);
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

/// Starts a command with these variables and no others, on a free port.
pub fn spawn(name: &str, command: &mut Command, variables: &[(&str, &str)]) -> Service {
    command.env_clear().envs([
        ("BIND_ADDRESS", "127.0.0.1"),
        ("PORT", "0"),
        ("RUST_BACKTRACE", "0"),
    ]);
    Service::spawn(name, command.envs(variables.iter().copied()))
}

/// Whether a health page is green.
async fn ask(url: &str) -> Option<()> {
    let address = url.strip_prefix("http://")?;
    let (authority, path) = address.split_once('/')?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut connection = crate::connection::Connection::open(authority.parse().ok()?).await.ok()?;
    let status = connection.exchange(request.as_bytes()).await.ok()?;
    (status == 200).then_some(())
}
