//! A queue server and a database of a test's own, and the services between them.

use std::collections::BTreeMap;

use crate::{forms, postgres::TestDatabase, service::Service, sqs::Counts, sqs::Sqs, wait};

/// The form queue's name in tests.
pub const QUEUE: &str = "directory-form-data";
/// The invalid queue's name in tests.
pub const INVALID: &str = "directory-form-data-invalid";

/// local-sqs in memory and an empty database; services are started on them one by one.
pub struct Stack {
    /// The queue server's process.
    pub local_sqs: Service,
    /// The same, seen from outside.
    pub sqs: Sqs,
    /// The database.
    pub database: TestDatabase,
}

impl Stack {
    /// Starts it.
    pub fn start() -> Self {
        let local_sqs = Service::start("local-sqs", &[]);
        let sqs = Sqs::at(&local_sqs.url(""));
        Self { local_sqs, sqs, database: TestDatabase::create() }
    }

    /// Starts the api, with these variables over those of a test.
    pub fn api(&self, variables: &[(&str, &str)]) -> Service {
        self.service("api", variables)
    }

    /// Starts the worker, with these variables over those of a test.
    pub fn worker(&self, variables: &[(&str, &str)]) -> Service {
        self.service("worker", variables)
    }

    fn service(&self, program: &str, variables: &[(&str, &str)]) -> Service {
        let url = self.database.url();
        let mut all = BTreeMap::from(aws(self.sqs.endpoint()));
        match program {
            // It is given no database, because it must not have one.
            "api" => _ = all.insert("UI_SECRET", forms::SECRET),
            _ => all.extend([
                ("DATABASE_URL", url.as_str()),
                ("SQS_VISIBILITY_TIMEOUT", "120"),
                ("SQS_WAIT_TIME", "1"),
            ]),
        }
        all.extend(variables.iter().copied());
        Service::start(program, &all.into_iter().collect::<Vec<_>>())
    }

    /// Waits until a service is ready.
    pub async fn ready(&self, service: &Service) {
        let url = service.url("/healthcheck/ready/");
        wait::until("a service is ready", async || {
            reqwest::get(&url).await.ok().filter(|answer| answer.status().is_success()).map(drop)
        })
        .await;
    }

    /// Waits until the queue holds nothing.
    pub async fn drained(&self) {
        wait::until("the queue is empty", async || {
            (self.sqs.counts(QUEUE).await == Counts::NONE).then_some(())
        })
        .await;
    }

    /// How many rows are stored.
    pub fn rows(&self) -> usize {
        self.database.sql("select count(*) from forms").parse().expect("a count")
    }
}

/// Variables with which the AWS SDK finds a local server.
pub fn aws(endpoint: &str) -> [(&'static str, &str); 3] {
    [
        ("AWS_ENDPOINT_URL_SQS", endpoint),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]
}
