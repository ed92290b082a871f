//! One setting of the worker after another, with several values: the lines of two plots.

use std::time::Duration;

use anyhow::Result;

use crate::{
    bare_insert,
    drain::{DrainOptions, Until, drain},
    lab::{Lab, QueueBuild, Revision},
    measure::ROUND_TRIP,
};

pub struct Sweeps {
    pub pollers: Vec<WithPollers>,
    pub batches: Vec<WithBatches>,
}

/// Rows per second with this value of `WORKER_POLLERS`.
pub struct WithPollers {
    pub pollers: usize,
    pub at_0_ms: f64,
    pub at_20_ms: f64,
}

/// Rows per second with this value of `WORKER_BATCH_ROWS` and one connection, and of the bare insert loop.
pub struct WithBatches {
    pub rows: usize,
    pub worker: f64,
    pub bare_insert: f64,
}

pub fn sweep(lab: &Lab, revision: &Revision) -> Result<Sweeps> {
    let pollers = [1, 2, 4, 8, 16].map(|pollers| with_pollers(lab, revision, pollers));
    let batches = [10, 30, 100, 300, 1000].map(|rows| with_batches(lab, revision, rows));
    Ok(Sweeps {
        pollers: pollers.into_iter().collect::<Result<_>>()?,
        batches: batches.into_iter().collect::<Result<_>>()?,
    })
}

fn with_pollers(lab: &Lab, revision: &Revision, pollers: usize) -> Result<WithPollers> {
    let value = pollers.to_string();
    let rate = |messages, round_trip| -> Result<f64> {
        let options = DrainOptions {
            build: QueueBuild::Hooked,
            round_trip,
            variables: &[("WORKER_POLLERS", &value)],
            until: Until::After(lab.seconds(3.0)),
            ..DrainOptions::default()
        };
        Ok(drain(lab, revision, lab.amount(messages), &options)?.per_second)
    };
    Ok(WithPollers {
        pollers,
        at_0_ms: rate(45_000, Duration::ZERO)?,
        at_20_ms: rate(30_000, ROUND_TRIP)?,
    })
}

fn with_batches(lab: &Lab, revision: &Revision, rows: usize) -> Result<WithBatches> {
    let options = DrainOptions {
        variables: &[("WORKER_CONNECTIONS", "1"), ("WORKER_BATCH_ROWS", &rows.to_string())],
        until: Until::After(lab.seconds(3.0)),
        ..DrainOptions::default()
    };
    Ok(WithBatches {
        rows,
        worker: drain(lab, revision, lab.amount(45_000), &options)?.per_second,
        bare_insert: bare_insert::rows_per_second(lab, rows, lab.amount(30_000))?,
    })
}
