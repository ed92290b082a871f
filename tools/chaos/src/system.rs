//! The system under test: PostgreSQL, local-sqs on disk, apis and workers.

use std::{fs, iter, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};
use test_kit::{
    Sqs, forms,
    sqs::{Counts, Seen},
    stack::{INVALID, QUEUE, aws},
};
use tokio::time::timeout;

use crate::{
    instance::{Instance, free_port},
    postgres::Postgres,
};

/// The database with the rows.
pub const DATABASE: &str = "forms";
/// The role of the workers. It is not a superuser, so limits on connections apply to it.
pub const ROLE: &str = "worker";
/// After this many seconds a message of a dead worker is delivered again.
pub const VISIBILITY_TIMEOUT: &str = "8";

/// Everything that runs. Dropping it kills the rest.
pub struct System {
    pub apis: Vec<Arc<Instance>>,
    pub workers: Vec<Arc<Instance>>,
    pub local_sqs: Arc<Instance>,
    /// A client of local-sqs.
    pub sqs: Sqs,
    pub postgres: Postgres,
    /// With the role of the workers.
    pub database_url: String,
}

impl System {
    /// Starts everything, with this many apis and workers, and returns when all of it is ready.
    pub async fn start(
        directory: &Path,
        instances: usize,
        worker_variables: &[(&str, &str)],
    ) -> Result<Self> {
        // If we are root, PostgreSQL runs as another user.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
        let logs = directory.join("logs");
        fs::create_dir_all(&logs)?;
        let postgres = Postgres::start(directory.join("postgres"), free_port()?).await?;
        let password = format!("{:032x}", rand::random::<u128>());
        postgres.sql("postgres", format!("create role {ROLE} login password '{password}'")).await?;
        postgres.sql("postgres", format!("create database {DATABASE} owner {ROLE}")).await?;

        let data = directory.join("sqs").to_string_lossy().into_owned();
        let local_sqs = Instance::new("local-sqs", 0, &logs, &[("DATA_DIR", &data)])?;
        let endpoint = local_sqs.url("");
        let url = format!("postgres://{ROLE}:{password}@127.0.0.1:{}/{DATABASE}", postgres.port());
        let mut of_worker = aws(&endpoint).to_vec();
        of_worker.extend([("DATABASE_URL", url.as_str()), ("SQS_WAIT_TIME", "1")]);
        of_worker.push(("SQS_VISIBILITY_TIMEOUT", VISIBILITY_TIMEOUT));
        of_worker.extend(worker_variables);
        let mut of_api = aws(&endpoint).to_vec();
        of_api.push(("UI_SECRET", forms::SECRET));
        let several = |program: &'static str, variables: &[(&str, &str)]| {
            (0..instances)
                .map(|index| Instance::new(program, index, &logs, variables))
                .collect::<Result<Vec<_>>>()
        };
        let (apis, workers) = (several("api", &of_api)?, several("worker", &of_worker)?);
        let system =
            Self { apis, workers, sqs: Sqs::at(&endpoint), local_sqs, postgres, database_url: url };
        system.local_sqs.start().await?;
        for instance in system.workers.iter().chain(&system.apis) {
            instance.start().await?;
            instance.wait_until_ready().await?;
        }
        Ok(system)
    }

    /// The URL of a queue. It does not ask local-sqs, which may be down.
    pub fn queue_url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.sqs.endpoint())
    }

    /// The number of messages on the form queue; `None` if local-sqs is down.
    pub async fn counts(&self) -> Option<Counts> {
        self.counts_of(QUEUE).await
    }

    /// The number of messages on a queue; `None` if local-sqs is down.
    pub async fn counts_of(&self, queue: &str) -> Option<Counts> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let input = json!({ "QueueUrl": self.queue_url(queue), "AttributeNames": names });
        let call = self.sqs.try_call("GetQueueAttributes", input);
        let answer = timeout(Duration::from_secs(2), call).await.ok()?.ok()?;
        let count = |name| {
            answer.pointer(&format!("/Attributes/{name}")).and_then(Value::as_str)?.parse().ok()
        };
        let [visible, in_flight] = names;
        Some(Counts { visible: count(visible)?, in_flight: count(in_flight)? })
    }

    /// Takes all messages off the invalid queue.
    pub async fn drain_invalid(&self) -> Vec<Seen> {
        self.sqs.drain(INVALID).await
    }

    pub fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        iter::once(&self.local_sqs).chain(&self.workers).chain(&self.apis)
    }
}
