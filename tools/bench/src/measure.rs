//! Everything that is measured of a revision, step by step.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{
    bare_insert::{self, BareInsert},
    drain::{DrainOptions, Drained, Until, drain},
    end_to_end::{self, EndToEnd},
    intake::{self, Latency, Throughput},
    lab::{Lab, QueueBuild, Revision},
    with_fauxqs::{self, WithFauxqs},
};

/// The round trip to a queue that is not on the same machine.
pub const ROUND_TRIP: Duration = Duration::from_millis(20);

/// What was measured of one revision. "Delayed" means with a round trip of 20 ms to the queue.
#[derive(Default)]
pub struct Measured {
    pub throughput: Throughput,
    pub latency: Latency,
    pub latency_delayed: Latency,
    pub backlog_messages: u64,
    /// The worker with its default settings drains the backlog.
    pub backlog: Drained,
    pub one_connection: Drained,
    pub bare_insert: BareInsert,
    /// The queue server counts the worker's calls.
    pub drain_counted: Drained,
    pub drain_delayed: Drained,
    pub end_to_end: EndToEnd,
    /// `None` if fauxqs is not installed.
    pub with_fauxqs: Option<WithFauxqs>,
}

type Step = fn(&Lab, &Revision, &mut Measured) -> Result<()>;

const STEPS: [(&str, Step); 9] = [
    ("intake: throughput", throughput),
    ("intake: latency and calls, 0 ms", latency),
    ("intake: latency and calls, 20 ms", latency_delayed),
    ("worker: backlog", backlog),
    ("worker: one connection, and the bare insert loop", one_connection),
    ("worker: calls", drain_counted),
    ("worker: 20 ms", drain_delayed),
    ("from the POST to the row", end_to_end),
    ("with fauxqs", with_fauxqs),
];

/// Measures all revisions. Each step measures every revision before the next step begins, so that the revisions are
/// compared under the same load of the machine.
pub fn measure_all(
    lab: &Lab,
    revisions: &[Revision],
    backlog_messages: u64,
    only: &str,
) -> Result<Vec<Measured>> {
    let new = |_| Measured { backlog_messages, ..Measured::default() };
    let mut all: Vec<Measured> = revisions.iter().map(new).collect();
    let steps: Vec<_> = STEPS.into_iter().filter(|(name, _)| name.contains(only)).collect();
    ensure!(!steps.is_empty(), "the steps are {}", STEPS.map(|(name, _)| name).join("; "));
    for (name, step) in steps {
        eprintln!("… {name}");
        for (revision, measured) in revisions.iter().zip(&mut all) {
            step(lab, revision, measured)?;
        }
    }
    Ok(all)
}

fn throughput(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    // The sweep over connections takes time, and only the current revision has a plot.
    let sweep: &[usize] = if revision.is_current() { &[1, 4, 16, 64, 256] } else { &[] };
    measured.throughput = intake::throughput(lab, revision, sweep)?;
    Ok(())
}

fn latency(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    measured.latency = intake::latency(lab, revision, Duration::ZERO)?;
    Ok(())
}

fn latency_delayed(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    measured.latency_delayed = intake::latency(lab, revision, ROUND_TRIP)?;
    Ok(())
}

fn backlog(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    measured.backlog = drain(lab, revision, measured.backlog_messages, &DrainOptions::default())?;
    Ok(())
}

fn one_connection(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    let options =
        DrainOptions { variables: &[("WORKER_CONNECTIONS", "1")], ..DrainOptions::default() };
    let rows = lab.amount(60_000);
    measured.one_connection = drain(lab, revision, rows, &options)?;
    let worker_batch = (measured.one_connection.rows_per_insert.round() as usize).max(1);
    measured.bare_insert = BareInsert {
        same_batch: bare_insert::rows_per_second(lab, worker_batch, rows)?,
        batches_of_500: bare_insert::rows_per_second(lab, 500, rows)?,
    };
    Ok(())
}

fn drain_counted(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    let options = DrainOptions { build: QueueBuild::Hooked, ..DrainOptions::default() };
    measured.drain_counted = drain(lab, revision, lab.amount(30_000), &options)?;
    Ok(())
}

fn drain_delayed(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    let options = DrainOptions {
        build: QueueBuild::Hooked,
        round_trip: ROUND_TRIP,
        until: Until::After(lab.seconds(4.0)),
        ..DrainOptions::default()
    };
    measured.drain_delayed = drain(lab, revision, lab.amount(60_000), &options)?;
    Ok(())
}

fn end_to_end(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    measured.end_to_end = end_to_end::measure(lab, revision)?;
    Ok(())
}

fn with_fauxqs(lab: &Lab, revision: &Revision, measured: &mut Measured) -> Result<()> {
    measured.with_fauxqs = with_fauxqs::measure(lab, revision)?;
    Ok(())
}
