//! The whole system on a developer's machine: PostgreSQL, local-sqs, worker and api, kept in `.local/`.

mod place;
mod program;

use std::{
    convert::Infallible, fs, os::unix::process::CommandExt, path::PathBuf, process::Command,
    thread, time::Duration,
};

use crate::{
    forms,
    postgres::{Cluster, ClusterOptions, PostgresError, sql},
    program::path_of,
    stack::aws,
};

pub use place::{Place, Written};
use program::Program;

/// Of the rows, as in the default of `DATABASE_URL`.
const DATABASE: &str = "directory-form-data";
/// What a killed worker had in hand comes again after so long, in seconds; Amazon's and our default is hours.
const VISIBILITY_TIMEOUT: &str = "120";

/// What is started together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The whole system.
    All,
    /// PostgreSQL and local-sqs, for services that are started one by one.
    Surroundings,
}

/// A service that is started by itself, within what [`Parts::Surroundings`] has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The intake.
    Api,
    /// A worker for all form types.
    Worker,
    /// A worker for enrolments alone; its health page is on a free port, so that it can run beside the other.
    EnrolmentWorker,
}

/// What was asked for, running. Stopped in order on drop: what feeds before what is fed.
pub struct Local {
    programs: Vec<Program>,
    _postgres: Cluster,
    /// Where the rows are.
    rows: PathBuf,
    place: Place,
    parts: Parts,
}

impl Local {
    /// Starts these parts, and returns when all of them are ready or `interrupted`.
    ///
    /// # Errors
    /// What did not start, in words for a person.
    pub fn start(
        place: Place,
        parts: Parts,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let ports = place.ports();
        place.check_free(&[ports.local_sqs, ports.postgres])?;
        if parts == Parts::All {
            place.check_free(&[ports.api, ports.worker])?;
        }
        let (postgres, rows) = open_postgres(&place)?;
        let mut local = Self { programs: Vec::new(), _postgres: postgres, rows, place, parts };
        let database_url = local._postgres.url(DATABASE);
        local.place.write_down(&database_url)?;

        let data = local.place.directory().join("sqs");
        let mut local_sqs = command("local-sqs", ports.local_sqs, &local.place);
        local_sqs.env("DATA_DIR", data);
        local.run("local-sqs", local_sqs, ports.local_sqs, "/healthcheck/")?;
        if parts == Parts::All {
            let worker = service(Part::Worker, &local.place, &database_url);
            local.run("worker", worker, ports.worker, "/healthcheck/ready/")?;
            let api = service(Part::Api, &local.place, &database_url);
            local.run("api", api, ports.api, "/healthcheck/ready/")?;
        }
        local.wait_until_ready(interrupted)?;
        Ok(local)
    }

    fn run(
        &mut self,
        name: &'static str,
        command: Command,
        port: u16,
        ready: &str,
    ) -> Result<(), String> {
        self.programs.push(Program::start(
            name,
            command,
            format!("http://127.0.0.1:{port}{ready}"),
        )?);
        Ok(())
    }

    fn wait_until_ready(&mut self, interrupted: &dyn Fn() -> bool) -> Result<(), String> {
        while !self.programs.iter().all(Program::is_ready) {
            if interrupted() {
                return Ok(());
            }
            self.check()?;
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Whether all of it still runs.
    ///
    /// # Errors
    /// The name of what has ended.
    pub fn check(&mut self) -> Result<(), String> {
        self.programs.iter_mut().try_for_each(Program::check)
    }

    /// Where everything is, and a request to try.
    pub fn introduction(&self) -> String {
        let ports = self.place.ports();
        if self.parts == Parts::Surroundings {
            return format!(
                "\nReady.\n\
                 \n  local-sqs   http://127.0.0.1:{}/  (an endpoint of SQS)\
                 \n  PostgreSQL  psql '{}'\n",
                ports.local_sqs,
                self._postgres.url(DATABASE),
            );
        }
        let body = r#"{"data": {"company_name": "Example Limited"}}"#;
        let signature = forms::signature("/form/", body.as_bytes(), forms::SECRET);
        let other_type = self.place.served().into_iter().find(|name| name != "form");
        let of_other_type = other_type.map_or_else(String::new, |name| {
            format!("\n  make submit TYPE={name} FORM=your-{name}.json     (of another form type)")
        });
        format!(
            "\nReady.\n\
             \n  api         http://127.0.0.1:{}/healthcheck/ready/\
             \n  worker      http://127.0.0.1:{}/healthcheck/ready/\
             \n  local-sqs   http://127.0.0.1:{}/  (an endpoint of SQS)\
             \n  PostgreSQL  psql '{}'\
             \n\
             \nSend a form and see its row, from another terminal:\n\
             \n  make submit\
             \n  make submit FORM=your-form.json\
             {of_other_type}\n\
             \nor by hand:\n\
             \n  curl -i http://127.0.0.1:{}/form/ -H 'Content-Type: application/json' \\\
             \n    -H 'X-Signature: {signature}' \\\
             \n    -d '{body}'\n\
             \nCtrl-C stops all of it; rows are kept in {}, queued messages in {}.\n",
            ports.api,
            ports.worker,
            ports.local_sqs,
            self._postgres.url(DATABASE),
            ports.api,
            self.rows.display(),
            self.place.directory().join("sqs").display(),
        )
    }
}

/// Becomes this service, within what [`Parts::Surroundings`] has started here.
///
/// # Errors
/// It does not return but with what was in the way.
pub fn become_part(part: Part, place: &Place) -> Result<Infallible, String> {
    let database_url = place.read_back()?.database_url;
    Err(format!("it cannot be run: {}", service(part, place, &database_url).exec()))
}

fn service(part: Part, place: &Place, database_url: &str) -> Command {
    let ports = place.ports();
    let mut command = match part {
        Part::Api => command("api", ports.api, place),
        Part::Worker => command("worker", ports.worker, place),
        Part::EnrolmentWorker => command("worker", 0, place),
    };
    command.envs(aws(&format!("http://127.0.0.1:{}", ports.local_sqs)));
    match part {
        Part::Api => _ = command.env("UI_SECRET", forms::SECRET),
        Part::Worker | Part::EnrolmentWorker => {
            // A short wait, because Ctrl-C waits for the poll that is out.
            command.envs([
                ("DATABASE_URL", database_url),
                ("SQS_WAIT_TIME", "2"),
                ("SQS_VISIBILITY_TIMEOUT", VISIBILITY_TIMEOUT),
            ]);
        }
    }
    if part == Part::EnrolmentWorker {
        command.env("WORKER_FORM_TYPES", "enrolment");
    }
    command
}

/// One of our programs, with nothing of the developer's environment but what is passed on.
fn command(program: &str, port: u16, place: &Place) -> Command {
    let mut command = Command::new(path_of(program));
    command.env_clear().envs(place.passed_on());
    command.envs([("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port.to_string())]);
    command
}

impl Drop for Local {
    fn drop(&mut self) {
        while let Some(program) = self.programs.pop() {
            program.stop();
        }
        // PostgreSQL is the last to go.
    }
}

fn open_postgres(place: &Place) -> Result<(Cluster, PathBuf), String> {
    let options =
        ClusterOptions { stop_with_thread: cfg!(target_os = "linux"), ..ClusterOptions::default() };
    let port = place.ports().postgres;
    let mut kept = place.directory().join("postgres");
    let cluster = match Cluster::open_with(&kept, port, options.clone()) {
        // A checkout in somebody's private directory, and root, whose server runs as user postgres.
        Err(PostgresError::NotEnterable(_)) => {
            let _ = fs::remove_dir(&kept);
            kept = place.public_directory();
            Cluster::open_with(&kept, port, options)
        }
        other => other,
    };
    let cluster = cluster.map_err(|error| match error {
        PostgresError::AlreadyRunning { .. } => "it runs already, for this directory".to_owned(),
        error => format!("PostgreSQL does not start: {error}"),
    })?;
    let exists = sql(
        &cluster.url("postgres"),
        &format!("select 1 from pg_database where datname = '{DATABASE}'"),
    );
    if exists.map_err(|error| error.to_string())?.is_empty() {
        sql(&cluster.url("postgres"), &format!("create database \"{DATABASE}\""))
            .map_err(|error| error.to_string())?;
    }
    Ok((cluster, kept))
}
