//! A queue server and a database of a test's own, and the services between them.

mod left;

use std::collections::BTreeMap;

use crate::{
    forms,
    postgres::TestDatabase,
    program::{Service, Signal},
    sqs::{Counts, Sqs},
    wait,
};
use left::Left;

/// The name of the form queue in tests.
pub const QUEUE: &str = "directory-form-data";
/// The name of the invalid queue in tests.
pub const INVALID: &str = "directory-form-data-invalid";

/// local-sqs in memory and an empty database. A test starts services on them one by one.
///
/// When it is dropped, every queue must be empty: the form queues and the invalid queues of all
/// form types. A test that leaves messages says so with [`Stack::expect_messages_left`]. Nothing
/// is checked while the test panics.
pub struct Stack {
    pub local_sqs: Service,
    pub sqs: Sqs,
    pub database: TestDatabase,
    left: Left,
}

impl Stack {
    pub fn start() -> Self {
        let local_sqs = Service::start("local-sqs", &[]);
        let sqs = Sqs::at(&local_sqs.url(""));
        Self { local_sqs, sqs, database: TestDatabase::create(), left: Left::default() }
    }

    /// Starts the api and waits until it is ready. The variables come on top of the usual ones.
    pub async fn ready_api(&self, variables: &[(&str, &str)]) -> Service {
        let api = self.api(variables);
        api.ready().await;
        api
    }

    /// Starts a worker and waits until it is ready. The variables come on top of the usual ones.
    pub async fn ready_worker(&self, variables: &[(&str, &str)]) -> Service {
        let worker = self.worker(variables);
        worker.ready().await;
        worker
    }

    /// Starts the api, which may not become ready.
    pub fn api(&self, variables: &[(&str, &str)]) -> Service {
        // It must not have a database, so it gets none.
        self.service("api", &[("UI_SECRET", forms::SECRET)], variables)
    }

    /// Starts a worker, which may not become ready.
    pub fn worker(&self, variables: &[(&str, &str)]) -> Service {
        let url = self.database.url();
        let own = [
            ("DATABASE_URL", url.as_str()),
            ("SQS_VISIBILITY_TIMEOUT", "120"),
            ("SQS_WAIT_TIME", "1"),
            // Most tests look at the invalid queue, and count and break calls of the form queue.
            ("WORKER_KEEPS_INVALID", "false"),
        ];
        self.service("worker", &own, variables)
    }

    fn service(&self, program: &str, own: &[(&str, &str)], variables: &[(&str, &str)]) -> Service {
        let mut all = BTreeMap::from(aws(self.sqs.endpoint()));
        all.extend(own.iter().chain(variables).copied());
        Service::start(program, &all.into_iter().collect::<Vec<_>>())
    }

    /// Kills the queue server. Its messages are lost, so the end of the test checks nothing.
    pub async fn kill_queue_server(&self) {
        self.allow_messages_left("the queue server was killed");
        self.local_sqs.signal(Signal::Kill);
        wait::until_true("the queue server is gone", async || self.sqs.try_queues().await.is_err())
            .await;
    }

    /// At the end of the test this queue holds exactly this many messages, visible or in flight.
    pub fn expect_messages_left(&self, queue: &str, count: u64) {
        self.left.expect(queue, count);
    }

    /// The end of the test checks nothing, because the number of messages left is not certain. The
    /// reason is for the reader of the test.
    pub fn allow_messages_left(&self, _reason: &str) {
        self.left.allow_anything();
    }

    /// Waits until the form queue is empty: every message is settled.
    pub async fn drained(&self) {
        self.wait_for_counts(QUEUE, Counts::NONE).await;
    }

    /// Waits until a queue holds exactly this.
    pub async fn wait_for_counts(&self, queue: &str, expected: Counts) {
        let what = format!("{queue} holds {expected:?}");
        wait::until_true(&what, async || self.sqs.counts(queue).await == expected).await;
    }

    /// Waits until this many rows are stored.
    pub async fn wait_for_rows(&self, count: usize) {
        let what = format!("{count} rows are stored");
        let stored = "select count(*) from forms";
        wait::until_true(&what, async || {
            // The table is not there before the first worker has made it.
            self.database.try_sql(stored).is_ok_and(|stored| stored == count.to_string())
        })
        .await;
    }

    /// How many rows are stored.
    pub fn rows(&self) -> usize {
        self.database.sql("select count(*) from forms").parse().expect("a count")
    }

    /// Puts forms that are `{"data": number}` on the form queue, as the web server of 2016 did.
    pub async fn queue_forms(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.left.check(self.sqs.endpoint());
        }
    }
}

/// The variables with which the AWS SDK finds a local server.
pub fn aws(endpoint: &str) -> [(&'static str, &str); 3] {
    [
        ("AWS_ENDPOINT_URL_SQS", endpoint),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]
}
