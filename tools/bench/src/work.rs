//! What the worker stores, next to a bare loop of the same insert.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use domain::Record;
use store::RowOutcome;
use test_kit::service::Signal;
use uuid::Uuid;

use crate::{
    backlog, memory,
    requests::{FORM_TYPE, form},
    rows::Rows,
    surroundings::{Build, Ground, Side},
};

/// How often the table and the worker are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A worker that stores nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(60);

/// A backlog that was drained.
pub struct Drain {
    /// Rows per second, from the first that was seen to the last.
    pub per_second: f64,
    /// Rows in one insert, on average.
    pub batch: f64,
    /// Calls of the queue per row; 0 where they were not counted.
    pub calls: f64,
    /// The most resident memory, in MiB.
    pub peak_mib: f64,
    /// Seconds and rows.
    pub progress: Vec<(f64, f64)>,
    /// Seconds and MiB.
    pub memory: Vec<(f64, f64)>,
}

/// When a drain is over.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// When all is stored.
    AllStored,
    /// When so much time has passed since the first row, or all is stored.
    After(Duration),
}

/// What a worker does with a full queue of so many messages at this round trip.
///
/// # Errors
/// It does not store them, each once.
pub fn drain(
    ground: &Ground,
    side: &Side,
    (build, round_trip): (Build, Duration),
    backlog: u64,
    variables: &[(&str, &str)],
    until: Until,
) -> anyhow::Result<Drain> {
    let server = ground.queue_server(build, Duration::ZERO);
    let count = backlog::fill(ground, &server, backlog)?;
    if !round_trip.is_zero() {
        let ms = round_trip.as_millis() as u64;
        ground.wait(
            server.sqs.fault(serde_json::json!({ "action": "*", "kind": "delay", "ms": ms })),
        );
    }
    let mut drain = drain_from(ground, side, server.sqs.endpoint(), count, variables, until)?;
    if build == Build::Hooked {
        let calls = [
            "ReceiveMessage",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ChangeMessageVisibilityBatch",
        ];
        let calls: u64 = calls.iter().map(|action| ground.wait(server.sqs.requests(action))).sum();
        let stored = drain.progress.last().map_or(0.0, |(_, rows)| *rows);
        drain.calls = calls as f64 / stored;
    }
    Ok(drain)
}

/// The same with whatever `count` messages are on the queue of any server.
///
/// # Errors
/// As [`drain`].
pub fn drain_from(
    ground: &Ground,
    side: &Side,
    endpoint: &str,
    count: u64,
    variables: &[(&str, &str)],
    until: Until,
) -> anyhow::Result<Drain> {
    let database = ground.database()?;
    let mut rows = Rows::at(&database)?;
    let worker = ground.worker(side, endpoint, &database, variables);
    let started = Instant::now();
    let mut first: Option<(Instant, u64)> = None;
    let (mut progress, mut memory) = (Vec::new(), Vec::new());
    let (mut newest, mut newest_at) = (0, started);
    loop {
        let stored = rows.highest_id()?;
        let now = Instant::now();
        if stored > newest {
            (newest, newest_at) = (stored, now);
        }
        ensure!(
            newest_at.elapsed() < PATIENCE,
            "the worker has stopped storing at {newest} of {count}"
        );
        if stored > 0 {
            let (since, _) = *first.get_or_insert((now, stored));
            let seconds = (now - since).as_secs_f64();
            progress.push((seconds, stored as f64));
            memory.push((seconds, memory::resident(worker.pid())));
            let is_over = matches!(until, Until::After(time) if now - since >= time);
            if stored >= count || is_over {
                break;
            }
        }
        thread::sleep(LOOK);
    }
    let (since, at_first) = first.unwrap_or((started, 0));
    let per_second = (newest - at_first) as f64 / (newest_at - since).as_secs_f64();
    let peak_mib = memory::peak(worker.pid());
    let (_, log) = worker.stop(Signal::Term);
    let stored = rows.count()?;
    ensure!(stored <= count, "{stored} rows of {count} messages");
    ensure!(
        matches!(until, Until::After(_)) || stored == count,
        "{stored} rows of {count} messages"
    );
    drop(rows);
    ground.drop_database(&database)?;
    let batches = log.lines().filter(|line| line.contains("Stored a batch.")).count();
    let batch = stored as f64 / batches.max(1) as f64;
    Ok(Drain { per_second, batch, calls: 0.0, peak_mib, progress, memory })
}

impl Drain {
    /// The slowest fifth of the time as a share of the average, the first and the last 5 % left out.
    pub fn steadiness(&self) -> f64 {
        let end = self.progress.last().map_or(0.0, |(seconds, _)| *seconds);
        let rows_at = |seconds: f64| {
            let after = self.progress.iter().find(|(at, _)| *at >= seconds);
            after.map_or(0.0, |(_, rows)| *rows)
        };
        let at = |fifth: i32| rows_at(end * (0.05 + 0.18 * f64::from(fifth)));
        let average = (at(5) - at(0)) / 5.0;
        let slowest = (0..5).map(|fifth| at(fifth + 1) - at(fifth)).fold(f64::INFINITY, f64::min);
        slowest / average
    }

    /// MiB that the last fifth of the time held more than the second, on average.
    pub fn growth_mib(&self) -> f64 {
        let end = self.memory.last().map_or(0.0, |(seconds, _)| *seconds);
        let average = |from: f64, to: f64| {
            let inside = self.memory.iter().filter(|(at, _)| (from * end..=to * end).contains(at));
            let (sum, count) =
                inside.fold((0.0, 0.0), |(sum, count), (_, mib)| (sum + mib, count + 1.0));
            sum / f64::max(count, 1.0)
        };
        average(0.8, 1.0) - average(0.2, 0.4)
    }
}

/// The same statement on the same PostgreSQL in a loop, over one connection, with records made before: rows per second.
///
/// # Errors
/// A row is not stored.
pub fn bare_loop(ground: &Ground, batch: usize, count: u64) -> anyhow::Result<f64> {
    let database = ground.database()?;
    let store = ground.store(&database)?;
    let records: Vec<Record> = (0..count as usize).map(record).collect();
    let (warm_up, measured) = records.split_at(batch.min(records.len()));
    store.insert_once(warm_up);
    let started = Instant::now();
    for rows in measured.chunks(batch) {
        let insertion = store.insert_once(rows);
        ensure!(
            insertion.outcomes.iter().all(|outcome| *outcome == RowOutcome::Stored),
            "a row was not stored"
        );
    }
    let per_second = measured.len() as f64 / started.elapsed().as_secs_f64();
    drop(store);
    ground.drop_database(&database)?;
    Ok(per_second)
}

fn record(number: usize) -> Record {
    Record {
        form_type: FORM_TYPE.to_owned(),
        submission_id: Some(Uuid::now_v7()),
        sqs_message_id: Uuid::now_v7().to_string(),
        received_at: Some(chrono::Utc::now()),
        data: form(number),
    }
}
