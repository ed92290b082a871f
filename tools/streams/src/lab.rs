//! A database and a reader of our own, which can be killed and started again.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    Service, Signal,
    http::{Answer, Http},
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    program::path_of,
};
use tokio::runtime::Runtime;

const DATABASE: &str = "streams";

/// 32 bytes.
const CREDENTIALS_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// Longer than anything should take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(50);

/// The form type of the tests; its schema is beside this crate's clients.
pub const FORM_TYPE: &str = "proof";

/// Added before the reader starts: a running reader learns of a new client only after some seconds.
const CLIENTS: [&str; 5] = ["curl", "files", "pandas", "pipeline", "requests"];

pub struct Lab {
    /// Before the cluster, which stops when it is dropped.
    reader: Option<Service>,
    clients: Vec<Credentials>,
    cluster: Cluster,
    runtime: Runtime,
    directory: TempDir,
}

/// A client of the reader.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub id: String,
    pub key: String,
}

impl Lab {
    /// Starts PostgreSQL, makes the tables, and starts a reader.
    pub fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("streams-").tempdir()?;
        // The server must end with us, also if we are killed.
        let options = ClusterOptions {
            stop_with_thread: cfg!(target_os = "linux"),
            ..ClusterOptions::default()
        };
        let cluster = Cluster::throwaway(options)?;
        sql(&cluster.url("postgres"), &format!("CREATE DATABASE {DATABASE}"))?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut lab = Self { reader: None, clients: Vec::new(), cluster, runtime, directory };
        let schemas = clients().to_string_lossy().into_owned();
        lab.run(
            "worker",
            &["migrate"],
            &[("FORM_TYPES", FORM_TYPE), ("FORM_TYPES_DIR", &schemas)],
        )?;
        for id in CLIENTS {
            let client = lab.add_client(id)?;
            lab.clients.push(client);
        }
        lab.start_reader()?;
        Ok(lab)
    }

    /// A directory for files, which is removed at the end.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The superuser's URL of the database.
    pub fn database_url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// Runs SQL as the superuser.
    pub fn sql(&self, statements: &str) -> Result<String> {
        Ok(sql(&self.database_url(), statements)?)
    }

    /// One of the clients, which may read everything.
    pub fn client(&self, id: &str) -> Result<Credentials> {
        let client = self.clients.iter().find(|client| client.id == id);
        client.cloned().with_context(|| format!("unknown client {id}"))
    }

    fn add_client(&self, id: &str) -> Result<Credentials> {
        let arguments = ["clients", "add", id, "--scope", "*/*", "--json"];
        let added = self.run("manage", &arguments, &[("MANAGE_ACTOR", "streams")])?;
        let added: Value = serde_json::from_str(&added)?;
        let key = added.get("key").and_then(Value::as_str).context("manage shows no key")?;
        Ok(Credentials { id: id.to_owned(), key: key.to_owned() })
    }

    /// Makes every row visible that is committed.
    pub fn show_rows(&self) -> Result<()> {
        let step = "SELECT watermark >= (SELECT coalesce(max(id), 0) FROM forms) FROM advance_watermark('forms')";
        self.wait("all rows are visible", || self.sql(step).map(|shown| shown == "t"))
    }

    pub fn reader(&self) -> Result<&Service> {
        self.reader.as_ref().context("the reader does not run")
    }

    /// Starts the reader unless it runs, and waits until it is ready.
    pub fn start_reader(&mut self) -> Result<()> {
        if self.reader.is_none() {
            let url = self.database_url();
            let reader = Service::start(
                "reader",
                &[
                    ("DATABASE_URL", url.as_str()),
                    ("CREDENTIALS_KEY", CREDENTIALS_KEY),
                    ("READER_REQUESTS_PER_MINUTE", "1000000"),
                    ("READER_STATEMENT_SECONDS", "60"),
                ],
            );
            self.reader = Some(reader);
        }
        self.runtime.block_on(self.reader()?.ready());
        Ok(())
    }

    /// `kill -9`.
    pub fn kill_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.stop(Signal::Kill);
        }
    }

    /// Ends PostgreSQL as in a crash.
    pub fn kill_postgres(&mut self) {
        self.cluster.stop(Shutdown::Immediate);
    }

    /// Starts PostgreSQL unless it runs.
    pub fn start_postgres(&mut self) -> Result<()> {
        Ok(self.cluster.start()?)
    }

    pub fn get(&self, client: &Credentials, path: &str) -> Result<Answer> {
        let http = Http::at(self.reader()?.url(""));
        let request = http.request("GET", path).authorization(&format!("Bearer {}", client.key));
        Ok(self.runtime.block_on(request.try_send())?)
    }

    /// The reader's record of an export.
    pub fn export(&self, client: &Credentials, id: &str) -> Result<Value> {
        let answer = self.get(client, &format!("/api/v1/exports/{id}"))?;
        ensure!(answer.status == 200, "exports/{id} answered {}", answer.status);
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Asks again and again until it is so.
    pub fn wait(&self, what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        while !is_so()? {
            ensure!(Instant::now() < deadline, "waited in vain until {what}");
            sleep(PAUSE);
        }
        Ok(())
    }

    /// Runs a command of one of our programs, and gives its standard output.
    fn run(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
        let mut command = Command::new(path_of(program));
        command.args(arguments).env_clear().envs(variables.iter().copied());
        command.env("DATABASE_URL", self.database_url()).env("CREDENTIALS_KEY", CREDENTIALS_KEY);
        let output = command.output().with_context(|| format!("cannot run {program}"))?;
        if !output.status.success() {
            bail!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The clients in Python, and the schema of the form type.
pub fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}
