//! How soon a client that waits sees a new row.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};

use super::{
    fill::{READ, application},
    http::Client,
    pages::milliseconds,
    system::{PATH, System},
};
use crate::intake::quantile;

const ROWS: u64 = 200;
/// Between the client's request and the commit, in ms: the request has to arrive first, and no two commits come at the same
/// moment of the reader's own clock.
const EARLIEST: u64 = 60;
const SPREAD: u64 = 50;

/// From the commit to the answer, in ms.
#[derive(Default)]
pub struct Waiting {
    pub p50: f64,
    pub p99: f64,
}

#[derive(QueryableByName)]
struct Inserted {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

pub fn measure(system: &System) -> Result<Waiting> {
    let reader = system.reader(&[]);
    let client = system.client(&reader)?;
    let after = system.before_last(0)?;
    let rows = system.lab.amount(ROWS);
    let (asks, asked) = mpsc::channel();
    let waiter = thread::spawn(move || wait_for_rows(client, after, rows, &asks));
    let writer = &mut PgConnection::establish(&system.database)?;
    let mut committed = Vec::new();
    for number in 0..rows {
        if asked.recv().is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(EARLIEST + number * 7 % SPREAD));
        let inserted: Inserted = sql_query(
            "insert into forms (form_type, sqs_message_id, received_at, data) \
             values ($1, gen_random_uuid()::text, now(), $2::jsonb) returning id",
        )
        .bind::<Text, _>(READ)
        .bind::<Text, _>(application(number).replace("\\\\", "\\"))
        .get_result(writer)?;
        committed.push((inserted.id, Instant::now()));
    }
    let seen = waiter.join().expect("the waiter does not panic")?;
    let mut times = Vec::new();
    for ((id, committed), (last, seen)) in committed.into_iter().zip(seen) {
        ensure!(last >= id, "the page ends at {last}, before the new row {id}");
        times.push(milliseconds(seen.saturating_duration_since(committed)));
    }
    ensure!(times.len() as u64 == rows, "only {} rows of {rows} were seen", times.len());
    Ok(Waiting {
        p50: quantile(&times, 0.5).unwrap_or_default(),
        p99: quantile(&times, 0.99).unwrap_or_default(),
    })
}

/// Says when it asks, and returns the last id of each page and when it came.
fn wait_for_rows(
    mut client: Client,
    mut after: i64,
    rows: u64,
    asks: &mpsc::Sender<()>,
) -> Result<Vec<(i64, Instant)>> {
    let mut seen = Vec::new();
    for _ in 0..rows {
        asks.send(()).context("nobody inserts")?;
        client.get(&format!("{PATH}?orientation=records&wait=30&after={after}"), &[])?;
        let arrived = Instant::now();
        after = client.last_id()?;
        seen.push((after, arrived));
    }
    Ok(seen)
}
