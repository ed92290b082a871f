//! How long it takes from the POST until others can see the row.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    forms_table::FormsTable,
    lab::{Lab, QueueBuild, Revision},
    load::{self, Pace},
};

const FORMS_PER_SECOND: f64 = 1000.0;
/// How often we look at the table.
pub const POLL_INTERVAL: Duration = Duration::from_millis(2);
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

/// Latencies in ms, counted from the moment the POST was due.
#[derive(Default)]
pub struct EndToEnd {
    pub row_visible_p50: f64,
    pub row_visible_p99: f64,
}

struct Sighting {
    /// The form's number.
    number: i64,
    at: Instant,
}

/// Measures at a steady rate, without a round trip to the queue.
pub fn measure(lab: &Lab, revision: &Revision) -> Result<EndToEnd> {
    let server = lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let database = lab.database()?;
    let worker = lab.worker(revision, server.sqs.endpoint(), &database, &[]);
    let api = lab.api(revision, server.sqs.endpoint());
    lab.wait(worker.ready());
    let during = lab.seconds(12.0);
    let count = (FORMS_PER_SECOND * during.as_secs_f64()) as usize;
    let table = FormsTable::connect(&database)?;
    let watcher = thread::spawn(move || watch(table, count));
    let pace = Pace::PerSecond(FORMS_PER_SECOND);
    let run = load::run(api.address(), &lab.forms, CONNECTIONS, pace, during);
    let outcome = lab.wait(run)?;
    let sightings = watcher.join().expect("the watcher does not panic")?;

    // The forms were made in the order of their numbers, and each was due at a fixed time.
    let latency = |sighting: &Sighting| {
        let due =
            outcome.started + Duration::from_secs_f64(sighting.number as f64 / FORMS_PER_SECOND);
        sighting.at.saturating_duration_since(due).as_secs_f64() * 1000.0
    };
    let mut latencies: Vec<f64> = sightings.iter().map(latency).collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |share: f64| {
        latencies.get((latencies.len() as f64 * share) as usize).copied().context("no rows")
    };
    let result = EndToEnd { row_visible_p50: quantile(0.5)?, row_visible_p99: quantile(0.99)? };
    drop((api, worker));
    lab.drop_database(&database)?;
    Ok(result)
}

/// Notes when each row becomes visible.
fn watch(mut table: FormsTable, count: usize) -> Result<Vec<Sighting>> {
    let mut sightings = Vec::new();
    // Ids are assigned in order, but two inserts may commit in another order. All ids up to `complete_until` have been
    // seen; `beyond` has the ids seen above it.
    let (mut complete_until, mut beyond) = (0, BTreeSet::new());
    let mut last = Instant::now();
    while sightings.len() < count {
        let asked = Instant::now();
        let rows = table.rows_above(complete_until)?;
        let at = Instant::now();
        for row in rows {
            if beyond.insert(row.id) {
                let number = row.number.context("a form has no number")?;
                sightings.push(Sighting { number, at });
                last = at;
            }
        }
        while beyond.remove(&(complete_until + 1)) {
            complete_until += 1;
        }
        ensure!(last.elapsed() < PATIENCE, "only {} of {count} rows arrived", sightings.len());
        thread::sleep(POLL_INTERVAL.saturating_sub(asked.elapsed()));
    }
    Ok(sightings)
}
