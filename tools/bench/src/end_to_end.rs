//! How long it takes from the POST until others can see the row.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    forms_table::FormsTable,
    intake::quantile,
    lab::{Lab, QueueBuild, Revision},
    load::{self, Pace},
    page,
};

const FORMS_PER_SECOND: f64 = 1000.0;
/// How often we look at the table.
pub const POLL_INTERVAL: Duration = Duration::from_millis(2);
const CONNECTIONS: usize = 64;
const PUBLISHED_WITHIN: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// Latencies in ms.
#[derive(Default)]
pub struct EndToEnd {
    /// From the moment the POST was due to the row in `forms`.
    pub row_visible_p50: f64,
    pub row_visible_p99: f64,
    /// From the row in `forms` to the row in the published relation; `None` for a revision that publishes nothing.
    pub published_p99: Option<f64>,
    /// A page of the published relation.
    pub page: Option<f64>,
}

struct Sighting {
    id: i64,
    /// The form's number.
    number: i64,
    at: Instant,
    /// When it was in the published relation.
    published: Option<Instant>,
}

/// Measures at a steady rate, without a round trip to the queue.
pub fn measure(lab: &Lab, revision: &Revision) -> Result<EndToEnd> {
    let server = lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let database = lab.database_of(revision)?;
    let worker = lab.worker(revision, server.sqs.endpoint(), &database, &[]);
    let api = lab.api(revision, server.sqs.endpoint());
    lab.wait(worker.ready());
    let during = lab.seconds(12.0);
    let count = (FORMS_PER_SECOND * during.as_secs_f64()) as usize;
    let mut table = FormsTable::connect(&database)?;
    let publishes = will_publish(&mut table)?;
    let watcher = thread::spawn(move || watch(table, count, publishes));
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
    let visible: Vec<f64> = sightings.iter().map(latency).collect();
    let published: Vec<f64> = sightings
        .iter()
        .filter_map(|row| Some((row.published? - row.at).as_secs_f64() * 1000.0))
        .collect();
    let result = EndToEnd {
        row_visible_p50: quantile(&visible, 0.5).context("no rows")?,
        row_visible_p99: quantile(&visible, 0.99).context("no rows")?,
        published_p99: quantile(&published, 0.99),
        page: publishes.then(|| page::milliseconds(&database, 0)).transpose()?,
    };
    drop((api, worker));
    lab.drop_database(&database)?;
    Ok(result)
}

/// Waits for the published relation. The worker makes it beside its work; the one of an older revision never does.
fn will_publish(table: &mut FormsTable) -> Result<bool> {
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    while !table.is_published()? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(POLL_INTERVAL);
    }
    table.prepare_last_published()?;
    Ok(true)
}

/// Notes when each row becomes visible, and when it is in the published relation.
fn watch(mut table: FormsTable, count: usize, publishes: bool) -> Result<Vec<Sighting>> {
    let mut sightings: Vec<Sighting> = Vec::new();
    // Ids are assigned in order, but two inserts may commit in another order. All ids up to `complete_until` have been
    // seen; `beyond` has the ids seen above it.
    let (mut complete_until, mut beyond) = (0, BTreeSet::new());
    let mut last = Instant::now();
    let (mut unpublished, mut last_published) = (Vec::new(), 0);
    while sightings.len() < count || !unpublished.is_empty() {
        let asked = Instant::now();
        let rows = table.rows_above(complete_until)?;
        let at = Instant::now();
        for row in rows {
            if beyond.insert(row.id) {
                let number = row.number.context("a form has no number")?;
                unpublished.push(sightings.len());
                sightings.push(Sighting { id: row.id, number, at, published: None });
                last = at;
            }
        }
        while beyond.remove(&(complete_until + 1)) {
            complete_until += 1;
        }
        if publishes {
            last_published = table.last_published(last_published)?;
            let at = Instant::now();
            unpublished.retain(|index: &usize| {
                let reached = sightings.get_mut(*index).filter(|row| row.id <= last_published);
                reached.map(|row| row.published = Some(at)).is_none()
            });
        } else {
            unpublished.clear();
        }
        ensure!(last.elapsed() < PATIENCE, "only {} of {count} rows arrived", sightings.len());
        thread::sleep(POLL_INTERVAL.saturating_sub(asked.elapsed()));
    }
    Ok(sightings)
}
