//! From the POST to the row: how long it takes until others can see it.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use crate::{
    load::{self, Pace},
    rows::Rows,
    surroundings::{Build, Ground, Side, address},
};

/// Forms per second.
const RATE: f64 = 1000.0;
/// How often the table is looked at.
pub const LOOK: Duration = Duration::from_millis(2);
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

/// Latencies in ms from when a POST was due to when its row was first seen.
pub struct Through {
    /// Half of them were seen by then.
    pub p50: f64,
    /// 99 % of them were seen by then.
    pub p99: f64,
    /// 99 % of the POSTs were answered by then.
    pub ack_p99: f64,
}

/// Measures it, at a steady rate, without a round trip to SQS.
///
/// # Errors
/// Something does not answer, or a row does not come.
pub fn through(ground: &Ground, side: &Side) -> anyhow::Result<Through> {
    let server = ground.queue_server(Build::Shipped, Duration::ZERO);
    let database = ground.database()?;
    let worker = ground.worker(side, server.sqs.endpoint(), &database, &[]);
    let api = ground.api(side, server.sqs.endpoint());
    ground.ready(&worker);
    let during = ground.seconds(12.0);
    let count = (RATE * during.as_secs_f64()) as u64;
    let rows = Rows::at(&database)?;
    let watcher = thread::spawn(move || watch(rows, count));
    let run = load::run(address(&api), &ground.forms, CONNECTIONS, Pace::PerSecond(RATE), during);
    let outcome = ground.wait(run)?;
    let seen = watcher.join().expect("the watcher does not panic")?;

    // The forms were made in the order of their numbers, and each was due at its time.
    let mut latencies: Vec<f64> = seen
        .into_iter()
        .map(|(number, at)| {
            let due = outcome.started + Duration::from_secs_f64(number as f64 / RATE);
            at.saturating_duration_since(due).as_secs_f64() * 1000.0
        })
        .collect();
    latencies.sort_by(f64::total_cmp);
    let quantile =
        |q: f64| latencies.get((latencies.len() as f64 * q) as usize).copied().context("no rows");
    let through =
        Through { p50: quantile(0.5)?, p99: quantile(0.99)?, ack_p99: outcome.milliseconds(0.99) };
    drop((api, worker));
    ground.drop_database(&database)?;
    Ok(through)
}

/// When the row of each form was first seen.
fn watch(mut rows: Rows, count: u64) -> anyhow::Result<Vec<(i64, Instant)>> {
    let mut seen = Vec::new();
    // Ids are given out in order, but two inserts may commit in another one: up to `all_until` none is missing.
    let (mut all_until, mut beyond) = (0, BTreeSet::new());
    let mut last = Instant::now();
    while (seen.len() as u64) < count {
        let looked = Instant::now();
        let found = rows.above(all_until)?;
        let at = Instant::now();
        for row in found {
            if beyond.insert(row.id) {
                seen.push((row.number.context("a form without its number")?, at));
                last = at;
            }
        }
        while beyond.remove(&(all_until + 1)) {
            all_until += 1;
        }
        ensure!(last.elapsed() < PATIENCE, "{} of {count} rows came", seen.len());
        thread::sleep(LOOK.saturating_sub(looked.elapsed()));
    }
    Ok(seen)
}
