//! The whole system on a developer's machine: PostgreSQL, local-sqs, worker and api, kept in `.local/`.

mod place;
mod program;

use std::{fs, path::PathBuf, process::Command, thread, time::Duration};

use crate::{
    forms,
    postgres::{Cluster, ClusterOptions, PostgresError, sql},
    service::path_of,
    stack::aws,
};

pub use place::{Place, Written};
use program::Program;

/// Of the rows, as in the default of `DATABASE_URL`.
const DATABASE: &str = "directory-form-data";
/// What a killed worker had in hand comes again after so long, in seconds; Amazon's and our default is hours.
const VISIBILITY_TIMEOUT: &str = "120";

/// All of it, running. Stopped in order on drop: what feeds before what is fed.
pub struct Local {
    programs: Vec<Program>,
    _postgres: Cluster,
    /// Where the rows are.
    rows: PathBuf,
    place: Place,
}

impl Local {
    /// Starts everything, and returns when all of it is ready or `interrupted`.
    ///
    /// # Errors
    /// What did not start, in words for a person.
    pub fn start(place: Place, interrupted: &dyn Fn() -> bool) -> Result<Self, String> {
        let ports = place.ports();
        place.check_free(&[ports.api, ports.worker, ports.local_sqs, ports.postgres])?;
        let (postgres, rows) = open_postgres(&place)?;
        let mut local = Self { programs: Vec::new(), _postgres: postgres, rows, place };
        let database_url = local._postgres.url(DATABASE);
        local.place.write_down(&database_url)?;

        let data = local.place.directory().join("sqs");
        local.run("local-sqs", ports.local_sqs, &[("DATA_DIR", &data.to_string_lossy())], "/healthcheck/")?;
        let endpoint = format!("http://127.0.0.1:{}", ports.local_sqs);
        let mut worker = aws(&endpoint).to_vec();
        // A short wait, because Ctrl-C waits for the poll that is out.
        worker.extend([
            ("DATABASE_URL", database_url.as_str()),
            ("SQS_WAIT_TIME", "2"),
            ("SQS_VISIBILITY_TIMEOUT", VISIBILITY_TIMEOUT),
        ]);
        local.run("worker", ports.worker, &worker, "/healthcheck/ready/")?;
        let mut api = aws(&endpoint).to_vec();
        api.push(("UI_SECRET", forms::SECRET));
        local.run("api", ports.api, &api, "/healthcheck/ready/")?;
        local.wait_until_ready(interrupted)?;
        Ok(local)
    }

    fn run(&mut self, name: &'static str, port: u16, variables: &[(&str, &str)], ready: &str) -> Result<(), String> {
        let mut command = Command::new(path_of(name));
        command.env_clear().envs(variables.iter().copied());
        command.envs([("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port.to_string())]);
        command.envs(self.place.passed_on());
        self.programs.push(Program::start(name, command, format!("http://127.0.0.1:{port}{ready}"))?);
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

impl Drop for Local {
    fn drop(&mut self) {
        while let Some(program) = self.programs.pop() {
            program.stop();
        }
        // PostgreSQL is the last to go.
    }
}

fn open_postgres(place: &Place) -> Result<(Cluster, PathBuf), String> {
    let options = ClusterOptions { stop_with_thread: cfg!(target_os = "linux"), ..ClusterOptions::default() };
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
    let exists = sql(&cluster.url("postgres"), &format!("select 1 from pg_database where datname = '{DATABASE}'"));
    if exists.map_err(|error| error.to_string())?.is_empty() {
        sql(&cluster.url("postgres"), &format!("create database \"{DATABASE}\"")).map_err(|error| error.to_string())?;
    }
    Ok((cluster, kept))
}
