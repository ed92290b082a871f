//! How fast a worker stores a full queue.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use test_kit::{Service, Signal};

use crate::{
    fill_queue::fill_queue,
    forms_table::FormsTable,
    lab::{Lab, QueueBuild, QueueServer, Revision},
    memory::{self, MemorySample},
    requests::{self, Form},
};

/// How often we look at the table and at the worker's memory.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// A worker that stores nothing for this long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Drained {
    /// Rows per second, from the first row seen to the last.
    pub per_second: f64,
    /// On average.
    pub rows_per_insert: f64,
    /// Calls to the queue per row; 0 if they were not counted.
    pub calls_per_row: f64,
    pub peak_mib: f64,
    pub progress: Vec<Progress>,
    pub memory: Vec<MemorySample>,
}

/// The rows that were stored at one time after the first.
pub struct Progress {
    pub at_s: f64,
    pub rows: f64,
}

#[derive(Clone, Copy, Debug)]
pub enum Until {
    AllStored,
    /// This long after the first row, or as soon as all are stored.
    After(Duration),
}

pub struct DrainOptions<'a> {
    pub build: QueueBuild,
    pub round_trip: Duration,
    /// Settings of the worker beyond the usual ones.
    pub variables: &'a [(&'a str, &'a str)],
    pub until: Until,
    /// What the messages contain.
    pub form: Form,
}

impl Default for DrainOptions<'_> {
    fn default() -> Self {
        Self {
            build: QueueBuild::Shipped,
            round_trip: Duration::ZERO,
            variables: &[],
            until: Until::AllStored,
            form: requests::form,
        }
    }
}

/// Fills a queue with messages and lets a worker store them in a database of their own.
pub fn drain(
    lab: &Lab,
    revision: &Revision,
    messages: u64,
    options: &DrainOptions<'_>,
) -> Result<Drained> {
    let database = lab.database_of(revision)?;
    let drained = drain_into(&database, lab, revision, messages, options)?;
    lab.drop_database(&database)?;
    Ok(drained)
}

/// The same with a database that is there and may have rows.
pub fn drain_into(
    database: &str,
    lab: &Lab,
    revision: &Revision,
    messages: u64,
    options: &DrainOptions<'_>,
) -> Result<Drained> {
    let server = lab.queue_server(options.build, Duration::ZERO);
    let messages = fill_queue(lab, &server, messages, options.form)?;
    lab.delay_answers(&server, options.round_trip);
    let mut drained =
        drain_queue_at(server.sqs.endpoint(), database, lab, revision, messages, options)?;
    if options.build == QueueBuild::Hooked {
        let stored = drained.progress.last().map_or(0.0, |progress| progress.rows);
        drained.calls_per_row = count_calls(lab, &server) as f64 / stored;
    }
    Ok(drained)
}

fn count_calls(lab: &Lab, server: &QueueServer) -> u64 {
    let actions =
        ["ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"];
    actions.iter().map(|action| lab.wait(server.sqs.requests(action))).sum()
}

/// Lets a worker store the messages that are already on the queue of any server.
pub fn drain_queue_at(
    endpoint: &str,
    database: &str,
    lab: &Lab,
    revision: &Revision,
    messages: u64,
    options: &DrainOptions<'_>,
) -> Result<Drained> {
    let mut table = FormsTable::connect(database)?;
    let before = table.highest_id()?;
    let worker = lab.worker(revision, endpoint, database, options.variables);
    let mut drained = observe(&mut table, before, &worker, messages, options.until)?;
    drained.peak_mib = memory::peak(worker.pid());

    let (_, log) = worker.stop(Signal::Term);
    let stored = table.count_above(before)?;
    let may_be_fewer = matches!(options.until, Until::After(_));
    ensure!(
        stored == messages || stored < messages && may_be_fewer,
        "{stored} rows of {messages} messages"
    );
    let inserts = log.lines().filter(|line| line.contains("Stored a batch.")).count();
    drained.rows_per_insert = stored as f64 / inserts.max(1) as f64;
    Ok(drained)
}

/// Watches the rows above `before` and the worker's memory until the drain is over.
fn observe(
    table: &mut FormsTable,
    before: u64,
    worker: &Service,
    messages: u64,
    until: Until,
) -> Result<Drained> {
    let mut drained = Drained::default();
    let started = Instant::now();
    let mut first = None;
    let mut newest = Seen { rows: 0, at: started };
    loop {
        let rows = table.highest_id()?.saturating_sub(before);
        let now = Instant::now();
        if rows > newest.rows {
            newest = Seen { rows, at: now };
        }
        let stuck = newest.at.elapsed() >= STUCK_AFTER;
        ensure!(!stuck, "the worker stopped storing at {} of {messages} messages", newest.rows);
        if rows > 0 {
            let first = first.get_or_insert(Seen { rows, at: now });
            let at_s = (now - first.at).as_secs_f64();
            drained.progress.push(Progress { at_s, rows: rows as f64 });
            drained.memory.push(MemorySample { at_s, mib: memory::resident(worker.pid()) });
            let time_is_up = matches!(until, Until::After(time) if now - first.at >= time);
            // A batch that was tried again has drawn ids twice.
            let all_stored = rows >= messages && table.count_above(before)? >= messages;
            if all_stored || time_is_up {
                let seconds = (newest.at - first.at).as_secs_f64();
                let rows = newest.rows.min(messages);
                drained.per_second = rows.saturating_sub(first.rows) as f64 / seconds;
                return Ok(drained);
            }
        }
        thread::sleep(POLL_INTERVAL);
    }
}

struct Seen {
    rows: u64,
    at: Instant,
}

impl Drained {
    /// The slowest fifth of the time as a share of the average; the first and the last 5 % are left out.
    pub fn steadiness(&self) -> f64 {
        let end = self.progress.last().map_or(0.0, |last| last.at_s);
        let rows_at = |seconds: f64| {
            let after = self.progress.iter().find(|progress| progress.at_s >= seconds);
            after.map_or(0.0, |progress| progress.rows)
        };
        let at = |fifth: i32| rows_at(end * (0.05 + 0.18 * f64::from(fifth)));
        let average = (at(5) - at(0)) / 5.0;
        let slowest = (0..5).map(|fifth| at(fifth + 1) - at(fifth)).fold(f64::INFINITY, f64::min);
        slowest / average
    }

    /// How much more memory the worker held in the last fifth of the time than in the second, on average, in MiB.
    pub fn growth_mib(&self) -> f64 {
        let end = self.memory.last().map_or(0.0, |last| last.at_s);
        let average = |from: f64, to: f64| {
            let inside =
                self.memory.iter().filter(|sample| (from * end..=to * end).contains(&sample.at_s));
            let (sum, count) =
                inside.fold((0.0, 0.0), |(sum, count), sample| (sum + sample.mib, count + 1.0));
            sum / f64::max(count, 1.0)
        };
        average(0.8, 1.0) - average(0.2, 0.4)
    }
}
