//! Looks at the system from outside, once a second: how much is accepted, stored and in flight, and who holds how much memory.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use indicatif::ProgressBar;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    history::History,
    system::{DATABASE, System},
};

/// One look.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Seconds since the start.
    pub at_s: f64,
    /// Accepted so far.
    pub accepted: u64,
    /// Rows, where PostgreSQL says it.
    pub stored: Option<u64>,
    /// Messages on the form queue, received or not, where local-sqs says it.
    pub in_flight: Option<u64>,
    /// Resident memory of each process in KiB, by its name; without those that are down.
    pub memory: BTreeMap<String, u64>,
}

/// Looks until `stop`, and shows it.
pub async fn watch(
    system: Arc<System>,
    history: Arc<History>,
    bar: ProgressBar,
    stop: CancellationToken,
) -> Vec<Sample> {
    let samples = Mutex::new(Vec::new());
    let look_on = async {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            seconds.tick().await;
            let sample = look(&system, &history).await;
            let shown =
                |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
            bar.set_position(sample.at_s as u64);
            bar.set_message(format!(
                "{} accepted, {} stored, {} in flight, {} faults",
                sample.accepted,
                shown(sample.stored),
                shown(sample.in_flight),
                history.faults().len()
            ));
            samples.lock().push(sample);
        }
    };
    let _: Option<()> = stop.run_until_cancelled(look_on).await;
    samples.into_inner()
}

async fn look(system: &System, history: &History) -> Sample {
    // Not for longer than a lock that somebody holds to break things.
    let count = "set statement_timeout = 900; select count(*) from forms";
    let stored = timeout(Duration::from_secs(2), system.postgres.sql(DATABASE, count));
    let (stored, counts) = tokio::join!(stored, system.counts());
    let memory = system
        .programs()
        .filter_map(|program| Some((program.name().to_owned(), resident(program.pid()?)?)));
    Sample {
        at_s: history.now_ms() as f64 / 1000.0,
        accepted: u64::try_from(history.accepted()).unwrap_or(u64::MAX),
        stored: stored.ok().and_then(|answer| answer.ok()?.parse().ok()),
        in_flight: counts.map(|counts| counts.visible + counts.in_flight),
        memory: memory.collect(),
    }
}

/// Linux's count of a process's resident memory in KiB.
fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().split(' ').next()?.parse().ok()
}
