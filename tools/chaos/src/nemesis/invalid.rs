//! Forms that PostgreSQL refuses for a while, and an operator who sends them back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Nemesis, hold};
use crate::{draft::REFUSED, system::DATABASE};

/// No other fault keeps PostgreSQL from answering for this long.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Forms that wait, and so show that a form which PostgreSQL refuses is not lost.
const ENOUGH: usize = 3;
/// After the end of the run: forms are still on their way.
const LATE_FORMS: Duration = Duration::from_secs(10);

const DROP: &str = "alter table forms drop constraint if exists refused";
const REFUSED_AND_WAITING: &str = "select count(*) from invalid_messages \
    where state = 'waiting' and reason like 'refused_by_postgresql%'";
/// The messages before the middle one of the refused forms, so that some of these stay.
const OLDER_HALF: &str = "select count(*) from invalid_messages where state = 'waiting' and id < ( \
    select percentile_disc(0.5) within group (order by id) from invalid_messages \
    where state = 'waiting' and reason like 'refused_by_postgresql%')";

impl Nemesis {
    /// Refuses the marked forms for a time, and until some of them wait, so that each run has some.
    pub(super) async fn refuse_forms(&self, ms: u64, stop: &CancellationToken) -> Result<()> {
        let enough = self.count(REFUSED_AND_WAITING).await? + ENOUGH;
        // `not valid`: rows that are there already stay.
        let add = format!(
            "{DROP}; alter table forms add constraint refused check (not {REFUSED}) not valid"
        );
        self.change_table(&add).await?;
        hold(ms, stop).await;
        let too_late = async {
            stop.cancelled().await;
            sleep(LATE_FORMS).await;
        };
        tokio::select! {
            waited = self.wait_until_refused(enough) => waited?,
            () = too_late => {}
            () = sleep(PATIENCE) => {}
        }
        self.change_table(DROP).await
    }

    /// Sends the older half of the messages that wait back, and kills the command after a time if it still runs.
    pub(super) async fn redrive(&self, ms: u64) -> Result<()> {
        let half = self.count(OLDER_HALF).await?;
        if half == 0 {
            return Ok(());
        }
        let worker = self.system.workers.first().context("the system has a worker")?;
        // While SQS or PostgreSQL is broken, the command fails, and everything waits on.
        let arguments = ["redrive", "--limit", &half.to_string()];
        worker.run_for(&arguments, Duration::from_millis(ms)).await
    }

    async fn wait_until_refused(&self, forms: usize) -> Result<()> {
        while self.count(REFUSED_AND_WAITING).await? < forms {
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    async fn count(&self, query: &str) -> Result<usize> {
        Ok(self.sql_once_it_answers(query).await?.parse()?)
    }

    /// Other sessions go on while it waits for its lock.
    async fn change_table(&self, statement: &str) -> Result<()> {
        let statement = format!("set lock_timeout = '1s'; {statement}");
        self.sql_once_it_answers(&statement).await.map(drop)
    }

    /// Tries again while another fault keeps PostgreSQL from answering.
    async fn sql_once_it_answers(&self, statement: &str) -> Result<String> {
        let since = Instant::now();
        loop {
            match self.system.postgres.sql(DATABASE, statement).await {
                Ok(answer) => return Ok(answer),
                Err(error) if since.elapsed() > PATIENCE => return Err(error),
                Err(_) => sleep(POLL_INTERVAL).await,
            }
        }
    }
}
