//! What reading costs: pages and streams of the reader beside the work of PostgreSQL alone, its memory, how soon it shows a
//! new row, and what it costs the intake.

pub mod fill;
pub mod http;
pub mod intake;
pub mod memory;
pub mod pages;
pub mod psql;
pub mod report;
pub mod slow_client;
pub mod streams;
pub mod system;
pub mod waiting;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use self::{
    intake::Intake, memory::Memory, pages::Pages, slow_client::SlowClient, streams::Streams,
    system::System, waiting::Waiting,
};
use crate::machine::Fact;

pub struct Options {
    /// Directory of reader, api, worker and local-sqs.
    pub programs: PathBuf,
    pub quick: bool,
    /// Rows of the table.
    pub rows: u64,
    /// Pairs of runs of each comparison.
    pub pairs: usize,
    /// One part instead of all.
    pub only: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Pages, beside the same page by psql
    Pages,
    /// Streams, beside a COPY by psql
    Streams,
    /// The memory of the reader
    Memory,
    /// How soon a client that waits sees a new row
    Waiting,
    /// A client that reads a stream slowly
    SlowClient,
    /// The intake beside a stream
    Intake,
}

/// What was measured; `None` was not.
#[derive(Default)]
pub struct Measured {
    pub facts: Vec<Fact>,
    pub rows: u64,
    /// Of the form type that is read.
    pub rows_of_type: u64,
    pub table_bytes: u64,
    pub fill_seconds: f64,
    pub pages: Option<Pages>,
    pub streams: Option<Streams>,
    pub memory: Option<Memory>,
    pub waiting: Option<Waiting>,
    pub slow_client: Option<SlowClient>,
    pub intake: Option<Intake>,
}

/// The page, and why a part of it is missing.
pub struct Outcome {
    pub page: String,
    pub failed: Vec<anyhow::Error>,
}

/// Measures the parts, one after the other. A part that fails leaves the others.
///
/// # Errors
/// There is no table to read.
pub fn run(options: &Options) -> Result<Outcome> {
    let (system, mut measured) = System::prepare(options)?;
    let mut failed = Vec::new();
    let all =
        [Part::Pages, Part::Streams, Part::Memory, Part::Waiting, Part::SlowClient, Part::Intake];
    for part in all.into_iter().filter(|part| options.only.is_none_or(|only| only == *part)) {
        if let Err(error) = measured.measure(&system, options, part) {
            failed.push(error.context(format!("{part:?}")));
        }
        // The next part takes minutes, and may not come to its end.
        eprintln!("{}", report::results(&measured));
    }
    Ok(Outcome { page: report::page(options, &measured), failed })
}

impl Measured {
    /// The intake comes last, because it adds rows.
    fn measure(&mut self, system: &System, options: &Options, part: Part) -> Result<()> {
        eprintln!("… {part:?}");
        match part {
            Part::Pages => self.pages = Some(pages::measure(system)?),
            Part::Streams => self.streams = Some(streams::measure(system, options.pairs)?),
            Part::Memory => self.memory = Some(memory::measure(system)?),
            Part::Waiting => self.waiting = Some(waiting::measure(system)?),
            Part::SlowClient => self.slow_client = Some(slow_client::measure(system)?),
            Part::Intake => self.intake = Some(intake::measure(system, options.pairs)?),
        }
        Ok(())
    }
}
