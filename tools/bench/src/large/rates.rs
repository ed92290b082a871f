//! How fast a worker stores a full queue in a large table, next to an empty one, and what a row costs PostgreSQL.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use test_kit::postgres::sql;

use super::memory_limit::read_from_disk;
use crate::{
    drain::{DrainOptions, drain_into},
    lab::{Lab, Revision},
    requests::small_form,
};

/// The setting that the target is for.
pub const CONNECTIONS: &str = "4";
const MESSAGES: u64 = 120_000;
const WARM_UP: u64 = 20_000;
const LOOKUPS: u64 = 2_000;

/// One drain.
#[derive(Clone, Copy, Default)]
pub struct Run {
    pub rows_per_second: f64,
    pub per_row: Cost,
}

/// What PostgreSQL did for a row.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub wal_bytes: f64,
    /// Pages that were not in `shared_buffers`.
    pub pages: f64,
    /// Bytes that were not in the kernel's cache either.
    pub disk_bytes: f64,
}

/// Runs in turn.
#[derive(Default)]
pub struct Rates {
    pub empty: Vec<Run>,
    pub large: Vec<Run>,
}

impl Rates {
    /// Of each pair.
    pub fn ratios(&self) -> Vec<f64> {
        let pairs = self.large.iter().zip(&self.empty);
        pairs.map(|(large, empty)| large.rows_per_second / empty.rows_per_second).collect()
    }
}

/// Measures pairs of drains, one into the database `large` and one into a new one, in turn.
pub fn in_pairs(lab: &Lab, revision: &Revision, large: &str, pairs: usize) -> Result<Rates> {
    drain(lab, revision, large, lab.amount(WARM_UP))?;
    let into_empty = || -> Result<Run> {
        let empty = lab.database_of(revision)?;
        let run = one(lab, revision, &empty)?;
        lab.drop_database(&empty)?;
        Ok(run)
    };
    let mut rates = Rates::default();
    for pair in 0..pairs {
        // Whoever runs second may meet warmer caches.
        if pair % 2 == 0 {
            rates.large.push(one(lab, revision, large)?);
            rates.empty.push(into_empty()?);
        } else {
            rates.empty.push(into_empty()?);
            rates.large.push(one(lab, revision, large)?);
        }
    }
    Ok(rates)
}

/// Drains into a database, after a checkpoint.
pub fn one(lab: &Lab, revision: &Revision, database: &str) -> Result<Run> {
    let messages = lab.amount(MESSAGES);
    sql(database, "checkpoint")?;
    let before = Counters::read(lab)?;
    let rows_per_second = drain(lab, revision, database, messages)?;
    wait_for_sessions(database)?;
    Ok(Run { rows_per_second, per_row: before.cost_of(messages, lab)? })
}

fn drain(lab: &Lab, revision: &Revision, database: &str, messages: u64) -> Result<f64> {
    let options = DrainOptions {
        variables: &[("WORKER_CONNECTIONS", CONNECTIONS)],
        form: small_form,
        ..DrainOptions::default()
    };
    Ok(drain_into(database, lab, revision, messages, &options)?.per_second)
}

/// Bytes that PostgreSQL reads from the disk to find one of `rows` random submission ids in their index.
pub fn disk_bytes_per_lookup(lab: &Lab, database: &str, rows: u64) -> Result<f64> {
    let plain = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set enable_bitmapscan = off;";
    let pick = format!(
        "create table looked_up as \
         with picked as materialized (select 1 + (random() * {rows})::bigint as id from generate_series(1, {LOOKUPS})) \
         select f.submission_id from picked join forms f using (id)"
    );
    sql(database, &format!("{plain} {pick}"))?;
    let before = read_from_disk(lab.postgres_pid()?)?;
    let look_up = "select count(*) from looked_up join forms f using (submission_id)";
    let found: f64 = sql(database, &format!("{plain} {look_up}"))?.parse()?;
    wait_for_sessions(database)?;
    let bytes = read_from_disk(lab.postgres_pid()?)? - before;
    sql(database, "drop table looked_up")?;
    Ok(bytes as f64 / found.max(1.0))
}

/// Counters of the whole server.
pub struct Counters {
    wal: f64,
    pages: f64,
    disk: u64,
}

impl Counters {
    pub fn read(lab: &Lab) -> Result<Self> {
        let ask =
            "select pg_current_wal_insert_lsn() - '0/0', sum(blks_read) from pg_stat_database";
        let answer = lab.ask_postgres(ask)?;
        let (wal, pages) = answer.split_once('|').context("two numbers")?;
        let disk = read_from_disk(lab.postgres_pid()?)?;
        Ok(Self { wal: wal.parse()?, pages: pages.parse()?, disk })
    }

    pub fn cost_of(&self, rows: u64, lab: &Lab) -> Result<Cost> {
        let now = Self::read(lab)?;
        let each = |difference: f64| difference / rows as f64;
        Ok(Cost {
            wal_bytes: each(now.wal - self.wal),
            pages: each(now.pages - self.pages),
            disk_bytes: each((now.disk - self.disk) as f64),
        })
    }
}

/// Waits for the end of all sessions in a database: only then are their numbers complete.
pub fn wait_for_sessions(database: &str) -> Result<()> {
    let others = "select count(*) from pg_stat_activity where datname = current_database() \
                  and pid <> pg_backend_pid() and backend_type = 'client backend'";
    let deadline = Instant::now() + Duration::from_secs(30);
    while sql(database, others)? != "0" {
        ensure!(Instant::now() < deadline, "a session stays in the database");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
