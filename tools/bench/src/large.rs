//! What a large table costs: the rate at which a worker stores rows in it, and the migration of the last release's.

pub mod fill;
pub mod last_release;
pub mod memory_limit;
pub mod rates;
pub mod report;
pub mod room;
pub mod schema;
pub mod table;
pub mod upgrade;
pub mod wal;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::machine::Fact;

pub struct Options {
    /// Directory of the worker and of local-sqs.
    pub programs: PathBuf,
    pub quick: bool,
    /// Rows of the large table. That of the last release has a third of them.
    pub rows: u64,
    pub pairs: usize,
    /// PostgreSQL's memory in MiB; 0 is no limit.
    pub memory: Option<u64>,
    /// One part instead of all.
    pub only: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The rates of a large and an empty table
    Table,
    /// The migration of a database of the last release
    Upgrade,
}

/// The page, and why a part of it is missing.
pub struct Outcome {
    pub page: String,
    pub failed: Vec<anyhow::Error>,
}

/// Measures the parts, one after the other. A part that fails leaves the others.
pub fn run(options: &Options) -> Outcome {
    let mut facts: Vec<Fact> = Vec::new();
    let mut failed = Vec::new();
    let wants = |part| options.only.is_none_or(|only| only == part);
    let upgraded = wants(Part::Upgrade)
        .then(|| upgrade::measure(options, options.rows.div_ceil(3), &mut facts))
        .and_then(|result| result.map_err(|error| failed.push(error)).ok());
    let table = wants(Part::Table)
        .then(|| table::measure(options, &mut facts, &mut failed))
        .and_then(|result| result.map_err(|error| failed.push(error)).ok());
    let page = report::page(options.quick, &facts, table.as_ref(), upgraded.as_ref());
    Outcome { page, failed }
}
