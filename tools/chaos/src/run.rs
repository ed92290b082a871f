//! A run: senders and faults, then calm, then the check.

mod stored;

use std::{
    future,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use serde_json::json;
use test_kit::{
    Signal,
    stack::{INVALID, QUEUE},
};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{FinalState, Followed, Verdict, check},
    follow::Following,
    history::History,
    nemesis::Nemesis,
    plan::{Lane, Pace},
    send::Sender,
    system::System,
    watch::{Sample, watch},
};

/// Without faults the queue must get shorter. If it does not for this long, something is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// A send may still arrive this long after its sender has given up.
const LATE_SENDS: Duration = Duration::from_secs(6);
/// In a run of this time or longer PostgreSQL refuses some forms.
const REFUSES_WITHIN: Duration = Duration::from_secs(5);
/// And in one of this time, somebody sends some of them back.
const SENDS_BACK_WITHIN: Duration = Duration::from_secs(60);
/// And a client that pages the bare table misses rows of slow transactions.
const MISSES_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Determines the forms and the faults.
    pub seed: u64,
    /// How long to send and break things.
    pub time: Duration,
    pub senders: u32,
    /// How often to break things; `None` for never.
    pub pace: Option<Pace>,
    /// Directory for history, logs and data.
    pub directory: PathBuf,
}

/// A running system, and its history so far.
pub struct Run {
    options: RunOptions,
    system: Arc<System>,
    history: Arc<History>,
    samples: Vec<Sample>,
    on_form_queue: u64,
    following: Option<Following>,
    followed: Vec<Followed>,
}

pub struct RunResult {
    pub options: RunOptions,
    pub history: Arc<History>,
    pub samples: Vec<Sample>,
    pub verdict: Verdict,
    /// Rows that the workers recognised as already stored.
    pub already_stored: u64,
    /// Deadlocks that PostgreSQL resolved.
    pub deadlocks: usize,
    /// Starts of our programs after the first of each.
    pub restarts: u32,
}

impl Run {
    pub async fn start(options: RunOptions) -> Result<Self> {
        let system = Arc::new(System::start(&options.directory, 2, &[]).await?);
        let history = Arc::new(History::create(&options.directory.join("history.jsonl"))?);
        let following = Some(Following::start(&system, &options.directory).await?);
        Ok(Self {
            options,
            system,
            history,
            samples: Vec::new(),
            on_form_queue: 0,
            following,
            followed: Vec::new(),
        })
    }

    pub fn system(&self) -> &System {
        &self.system
    }

    /// Sends and breaks things for the time of the options, or until `interrupted`; then waits until the queue is
    /// empty. An error if the system did not recover from a fault.
    pub async fn storm(
        &mut self,
        bar: &ProgressBar,
        interrupted: &CancellationToken,
    ) -> Result<()> {
        let stop_watching = CancellationToken::new();
        let (system, history) = (Arc::clone(&self.system), Arc::clone(&self.history));
        let watching = tokio::spawn(watch(system, history, bar.clone(), stop_watching.clone()));

        let stop = interrupted.child_token();
        let senders = self.start_senders(&stop);
        let mut nemeses = self.start_nemeses(&stop);
        if let (Some(following), Some(_)) = (&mut self.following, self.options.pace) {
            following.start_slow_transactions(self.options.seed);
        }
        let first_end = async {
            match nemeses.join_next().await {
                Some(ended) => ended?,
                None => future::pending().await,
            }
        };
        let time_is_over = tokio::select! {
            () = sleep(self.options.time) => Ok(()),
            () = interrupted.cancelled() => Ok(()),
            // Plans are endless, so this is an error.
            error = first_end => error,
        };
        stop.cancel();
        while let Some(ended) = nemeses.join_next().await {
            ended??;
        }
        senders.join_all().await;
        time_is_over?;
        if !interrupted.is_cancelled() {
            self.on_form_queue = self.wait_until_drained(bar).await?;
            if let Some(following) = self.following.take() {
                self.followed = following.finish().await?;
            }
        }
        stop_watching.cancel();
        self.samples = watching.await?;
        self.history.check_file()?;
        Ok(())
    }

    fn start_senders(&self, stop: &CancellationToken) -> JoinSet<()> {
        let mut senders = JoinSet::new();
        for number in 0..self.options.senders {
            let (system, history) = (Arc::clone(&self.system), Arc::clone(&self.history));
            let sender = Sender { seed: self.options.seed, number, system, history };
            senders.spawn(sender.run(stop.clone()));
        }
        senders
    }

    fn start_nemeses(&self, stop: &CancellationToken) -> JoinSet<Result<()>> {
        let mut nemeses = JoinSet::new();
        let Some(pace) = self.options.pace else { return nemeses };
        for lane in Lane::ALL {
            let (system, history) = (Arc::clone(&self.system), Arc::clone(&self.history));
            let nemesis = Nemesis { seed: self.options.seed, lane, pace, system, history };
            nemeses.spawn(nemesis.run(stop.clone()));
        }
        nemeses
    }

    /// Waits until both queues are empty. If they stop getting shorter, returns how many messages are left on the
    /// form queue.
    async fn wait_until_drained(&self, bar: &ProgressBar) -> Result<u64> {
        bar.println("Everything is up again; waiting until the queue is empty.");
        // A fault may have left a rule behind.
        self.system.sqs.try_no_faults().await?;
        let last_send = Instant::now() + LATE_SENDS;
        let (mut fewest, mut since) = (u64::MAX, Instant::now());
        loop {
            let on_form_queue = self.left_on(QUEUE).await;
            let left = on_form_queue.saturating_add(self.left_on(INVALID).await);
            if left == 0 && Instant::now() > last_send {
                return Ok(0);
            }
            if left < fewest {
                (fewest, since) = (left, Instant::now());
            }
            if since.elapsed() > STUCK_AFTER {
                return Ok(on_form_queue);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Checks the stored rows and the kept messages. First it waits until the workers have kept what is left.
    pub async fn examine(&mut self) -> Result<Verdict> {
        let since = Instant::now();
        while self.left_on(INVALID).await > 0 && since.elapsed() < STUCK_AFTER {
            sleep(Duration::from_millis(200)).await;
        }
        let state = FinalState {
            on_form_queue: self.on_form_queue,
            on_invalid_queue: self.left_on(INVALID).await,
            some_refused: self.options.pace.is_some() && self.options.time >= REFUSES_WITHIN,
            some_sent_back: self.options.pace.is_some() && self.options.time >= SENDS_BACK_WITHIN,
            bare_table_misses: self.options.pace.is_some() && self.options.time >= MISSES_WITHIN,
            followed: self.followed.clone(),
            visible: self.visible().await?,
            ..FinalState::default()
        };
        self.purge_queues().await?;
        let state = FinalState { rows: self.rows().await?, kept: self.kept().await?, ..state };
        Ok(check(&self.history.submissions(), &state))
    }

    /// What is stored or waits does not depend on SQS any more.
    async fn purge_queues(&self) -> Result<()> {
        for queue in [QUEUE, INVALID] {
            let input = json!({ "QueueUrl": self.system.queue_url(queue) });
            self.system.sqs.try_call("PurgeQueue", input).await?;
        }
        Ok(())
    }

    async fn left_on(&self, queue: &str) -> u64 {
        let counts = self.system.counts_of(queue).await;
        counts.map_or(u64::MAX, |counts| counts.visible + counts.in_flight)
    }

    /// Stops everything as an operator would. An error if a service does not stop properly.
    pub async fn finish(self, verdict: Verdict) -> Result<RunResult> {
        let mut restarts = 0;
        let mut already_stored = 0;
        let system = &self.system;
        for instance in system.apis.iter().chain(&system.workers).chain([&system.local_sqs]) {
            let code = instance.stop(Signal::Term).await?;
            let name = instance.name();
            ensure!(code == Some(0), "{name} did not stop properly; its log is kept");
            restarts += instance.starts().saturating_sub(1);
            already_stored += instance.already_stored();
        }
        let deadlocks = system.postgres.log().await?.matches("deadlock detected").count();
        Ok(RunResult {
            options: self.options,
            history: self.history,
            samples: self.samples,
            verdict,
            already_stored,
            deadlocks,
            restarts,
        })
    }
}
