//! Samples the system from outside once a second: forms accepted, stored and in flight, and the memory of each process.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use indicatif::ProgressBar;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    history::History,
    system::{DATABASE, System},
};

#[derive(Clone, Debug)]
pub struct Sample {
    /// Seconds since the start.
    pub at_s: f64,
    /// Submissions accepted so far.
    pub accepted: u64,
    /// Rows; `None` if PostgreSQL does not answer.
    pub stored: Option<u64>,
    /// All messages on the form queue; `None` if local-sqs does not answer.
    pub in_flight: Option<u64>,
    /// Resident memory in KiB of each process that runs, by its name.
    pub memory: BTreeMap<String, u64>,
}

/// Samples until `stop`, and shows each sample on the progress bar.
pub async fn watch(
    system: Arc<System>,
    history: Arc<History>,
    bar: ProgressBar,
    stop: CancellationToken,
) -> Vec<Sample> {
    let samples = Mutex::new(Vec::new());
    let sample_forever = async {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            seconds.tick().await;
            let sample = take_sample(&system, &history).await;
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
    let _: Option<()> = stop.run_until_cancelled(sample_forever).await;
    samples.into_inner()
}

async fn take_sample(system: &System, history: &History) -> Sample {
    // A fault may lock the table for longer than a second.
    let count = "set statement_timeout = 900; select count(*) from forms";
    let stored = timeout(Duration::from_secs(2), system.postgres.sql(DATABASE, count));
    let (stored, counts) = tokio::join!(stored, system.counts());
    let memory = system
        .instances()
        .filter_map(|instance| Some((instance.name().to_owned(), resident_kib(instance.pid()?)?)));
    Sample {
        at_s: history.now_ms() as f64 / 1000.0,
        accepted: u64::try_from(history.accepted()).unwrap_or(u64::MAX),
        stored: stored.ok().and_then(|answer| answer.ok()?.parse().ok()),
        in_flight: counts.map(|counts| counts.visible + counts.in_flight),
        memory: memory.collect(),
    }
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().split(' ').next()?.parse().ok()
}
