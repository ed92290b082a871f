//! A run: senders and faults, then calm, then the check.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use test_kit::{service::Signal, sqs::Counts};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{Remains, Row, SetAside, Verdict, check},
    content::Content,
    fault::{Lane, Pace},
    history::History,
    nemesis::Nemesis,
    send::Sender,
    system::{DATABASE, System},
    watch::{Sample, watch},
};

/// With nothing broken the queue has to get shorter; where it does not for so long, something is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// A send that nobody waits for any more may still arrive.
const LAST_SENDS: Duration = Duration::from_secs(6);
/// Rows that are read at a time.
const PAGE: usize = 2_000;

/// What a run is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Gives the forms and the plan of faults.
    pub seed: u64,
    /// How long it is sent and broken.
    pub time: Duration,
    /// Senders at the same time.
    pub senders: u32,
    /// How often something is broken; never where there is none.
    pub pace: Option<Pace>,
    /// Where the history, the logs and the data are kept.
    pub directory: PathBuf,
}

/// A system that is up, and what has been done to it.
pub struct Run {
    options: Options,
    system: Arc<System>,
    history: Arc<History>,
    samples: Vec<Sample>,
    aside: Vec<SetAside>,
    on_the_queue: u64,
}

/// What a run has shown.
pub struct Shown {
    /// What the run was like.
    pub options: Options,
    /// What was done.
    pub history: Arc<History>,
    /// What was seen meanwhile.
    pub samples: Vec<Sample>,
    /// What the checker found.
    pub verdict: Verdict,
    /// Rows that the workers recognised as stored already.
    pub already_stored: u64,
    /// Deadlocks that PostgreSQL ended.
    pub deadlocks: usize,
    /// Times that a program of ours was started, but for the first.
    pub restarts: u32,
}

impl Run {
    /// Starts a system.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(options: Options) -> Result<Self> {
        let system = Arc::new(System::start(&options.directory, 2, &[]).await?);
        let history = Arc::new(History::create(&options.directory.join("history.jsonl"))?);
        Ok(Self {
            options,
            system,
            history,
            samples: Vec::new(),
            aside: Vec::new(),
            on_the_queue: 0,
        })
    }

    /// The system.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Sends and breaks things for as long as the options say, or until `interrupted`; then waits until all is calm.
    ///
    /// # Errors
    /// Something did not come back after a fault.
    pub async fn storm(
        &mut self,
        bar: &ProgressBar,
        interrupted: &CancellationToken,
    ) -> Result<()> {
        let stop_watching = CancellationToken::new();
        let (system, history) = (&self.system, &self.history);
        let watching =
            watch(Arc::clone(system), Arc::clone(history), bar.clone(), stop_watching.clone());
        let watching = tokio::spawn(watching);

        let stop = interrupted.child_token();
        let mut senders = JoinSet::new();
        for number in 0..self.options.senders {
            let (system, history) = (Arc::clone(system), Arc::clone(history));
            let sender = Sender { seed: self.options.seed, number, system, history };
            senders.spawn(sender.run(stop.clone()));
        }
        let mut nemeses = JoinSet::new();
        for lane in [Lane::Processes, Lane::Database, Lane::Queue] {
            let Some(pace) = self.options.pace else { continue };
            let (system, history) = (Arc::clone(system), Arc::clone(history));
            nemeses.spawn(
                Nemesis { seed: self.options.seed, lane, pace, system, history }.run(stop.clone()),
            );
        }
        let time_is_over = async {
            let first_end = async {
                match nemeses.join_next().await {
                    Some(ended) => ended?,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep(self.options.time) => Ok(()),
                () = interrupted.cancelled() => Ok(()),
                // A plan never ends by itself.
                broken = first_end => broken,
            }
        };
        let over = time_is_over.await;
        stop.cancel();
        while let Some(ended) = nemeses.join_next().await {
            ended??;
        }
        senders.join_all().await;
        over?;
        if !interrupted.is_cancelled() {
            self.on_the_queue = self.calm(bar).await?;
        }
        stop_watching.cancel();
        self.samples = watching.await?;
        self.history.check_file()?;
        Ok(())
    }

    /// Waits until the form queue is empty; how much is left on it where it does not get empty.
    async fn calm(&self, bar: &ProgressBar) -> Result<u64> {
        bar.println("Everything is up again; waiting until the queue is empty.");
        // Whatever rule a fault has left behind.
        self.system.sqs.try_no_faults().await?;
        let quiet_at = Instant::now() + LAST_SENDS;
        let (mut least, mut since) = (u64::MAX, Instant::now());
        loop {
            let counts = self
                .system
                .counts()
                .await
                .unwrap_or(Counts { visible: u64::MAX / 2, in_flight: 0 });
            let left = counts.visible + counts.in_flight;
            if left == 0 && Instant::now() > quiet_at {
                return Ok(0);
            }
            if left < least {
                (least, since) = (left, Instant::now());
            }
            if since.elapsed() > STUCK_AFTER {
                return Ok(left);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Reads what is stored and set aside, and checks it. What is set aside is taken off its queue, and remembered.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub async fn examine(&mut self) -> Result<Verdict> {
        let aside = self.system.drain_invalid().await.into_iter().map(|message| SetAside {
            original_message_id: message.attributes.get("original_message_id").cloned(),
            body: Content::of_bytes(&message.body),
            message_id: message.message_id,
        });
        self.aside.extend(aside);
        let rows = self.rows().await?;
        let remains = Remains { rows, aside: self.aside.clone(), on_the_queue: self.on_the_queue };
        Ok(check(&self.history.submissions(), &remains))
    }

    async fn rows(&self) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let last = rows.last().map_or(0, |row| row.id);
            // In hex: psql leaves out a character such as U+10FFFF when it prints text.
            let columns =
                "id, submission_id, sqs_message_id, encode(convert_to(data::text, 'UTF8'), 'hex')";
            let query =
                format!("select {columns} from forms where id > {last} order by id limit {PAGE}");
            let page = self.system.postgres.sql(DATABASE, query).await?;
            if page.is_empty() {
                return Ok(rows);
            }
            for line in page.split('\n') {
                rows.push(row(line)?);
            }
        }
    }

    /// Stops everything as an operator would, and says what was shown.
    ///
    /// # Errors
    /// A service does not stop as it should.
    pub async fn finish(mut self, verdict: Verdict) -> Result<Shown> {
        let mut restarts = 0;
        let mut already_stored = 0;
        let services: Vec<_> = self
            .system
            .apis
            .iter()
            .chain(&self.system.workers)
            .chain([&self.system.local_sqs])
            .collect();
        for program in services {
            let code = program.stop(Signal::Term).await?;
            ensure!(code == Some(0), "{} did not stop in order: its log is kept", program.name());
            restarts += program.starts().saturating_sub(1);
            already_stored += program.already_stored();
        }
        let deadlocks = self.system.postgres.log().await?.matches("deadlock detected").count();
        let samples = std::mem::take(&mut self.samples);
        Ok(Shown {
            options: self.options,
            history: self.history,
            samples,
            verdict,
            already_stored,
            deadlocks,
            restarts,
        })
    }

    /// Where the history and the logs are.
    pub fn directory(&self) -> &Path {
        &self.options.directory
    }
}

/// A line of psql's answer.
fn row(line: &str) -> Result<Row> {
    let mut columns = line.splitn(4, '|');
    let mut column = || columns.next().unwrap_or_default();
    let (id, submission_id, message_id, data) = (column(), column(), column(), column());
    let id = id.parse().context("psql answers with a line that is no row")?;
    let data = String::from_utf8(hex::decode(data)?)?;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(Row {
        id,
        submission_id: some(submission_id),
        message_id: some(message_id),
        content: Content::of(&data),
    })
}
