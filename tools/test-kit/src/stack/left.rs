//! Which messages a test leaves on its queues.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context, anyhow};
use parking_lot::Mutex;
use tokio::{runtime, time::timeout};

use crate::sqs::{Sqs, SqsError};

/// local-sqs answers in milliseconds, unless the test has frozen it.
const LIMIT: Duration = Duration::from_secs(30);

/// What a test says about the messages that it leaves. Nothing said means none are left.
#[derive(Default)]
pub struct Left(Mutex<Said>);

#[derive(Default)]
struct Said {
    counts: BTreeMap<String, u64>,
    anything: bool,
}

impl Left {
    pub fn expect(&self, queue: &str, count: u64) {
        self.0.lock().counts.insert(queue.to_owned(), count);
    }

    pub fn allow_anything(&self) {
        self.0.lock().anything = true;
    }

    /// Compares what the test said with the queues of this server.
    ///
    /// # Panics
    /// They differ, or the server does not answer.
    pub fn check(&self, endpoint: &str) {
        let said = self.0.lock();
        if said.anything {
            return;
        }
        let left = count(endpoint).unwrap_or_else(|error| {
            panic!(
                "cannot check at the end of the test that the queues are empty: {error:#}. \
                 A test that stops the queue server calls `allow_messages_left`"
            )
        });
        let expected: BTreeMap<_, _> =
            said.counts.clone().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(
            left, expected,
            "left: messages on the queues at the end of the test; right: those that the test \
             expects with `expect_messages_left`"
        );
    }
}

/// The messages on each queue that has any. The thread has a runtime of its own, because the
/// runtime of the test is busy dropping.
fn count(endpoint: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let counting = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let counts = runtime.block_on(async { timeout(LIMIT, count_all(endpoint)).await });
        Ok(counts.context("the queue server did not answer in time")??)
    };
    let counts = thread::scope(|scope| scope.spawn(counting).join());
    counts.unwrap_or_else(|_| Err(anyhow!("the check panicked")))
}

async fn count_all(endpoint: &str) -> Result<BTreeMap<String, u64>, SqsError> {
    // Connections of its own: those of the test belong to the test's runtime.
    let sqs = Sqs::at(endpoint);
    sqs.try_no_faults().await?;
    let mut counts = BTreeMap::new();
    for name in sqs.try_queues().await? {
        let queue = sqs.try_counts(&name).await?;
        let count = queue.visible + queue.in_flight;
        if count > 0 {
            counts.insert(name, count);
        }
    }
    Ok(counts)
}
