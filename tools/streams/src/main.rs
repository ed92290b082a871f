//! `make streams` calls this program: see [`streams`].

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use streams::{
    breaks,
    client::run_python,
    files::{self, Compared},
    lab::Lab,
    pipeline,
    report::Report,
    spreadsheet,
};

/// Proves that clients read exactly the rows of the tables
#[derive(Parser)]
struct Arguments {
    /// Rows of the table of which every value is compared
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    rows: usize,
    /// Rows of the XLSX
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    xlsx_rows: usize,
    /// Rows of the form type that the consumer of the old data store loads
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    forms: usize,
    /// How often something is killed in the middle of a stream
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    kills: usize,
    /// Determines the bytes at which something is killed [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// The file for the report; without it the report is only printed
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The consumer of the old data store
    Pipeline,
    /// Kills in the middle of streams
    Breaks,
    /// Every value of every format
    Files,
    /// Formulas in LibreOffice
    Formulas,
}

fn main() -> ExitCode {
    match prove(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("streams: a promise is broken");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("streams: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether all promises were kept.
fn prove(arguments: &Arguments) -> Result<bool> {
    let wants = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut report = Report { versions: versions()?, ..Report::default() };
    let mut lab = Lab::start()?;
    if wants(Part::Formulas) {
        report.sheets = Some(spreadsheet::run(&lab).context("formulas")?);
        eprintln!("{:?}", report.sheets);
    }
    if wants(Part::Pipeline) {
        report.loaded = Some(pipeline::run(&lab, arguments.forms).context("pipeline")?);
        eprintln!("{:?}", report.loaded);
    }
    if wants(Part::Files) {
        let progress = |compared: &Compared| eprintln!("{compared:?}");
        report.compared = files::run(&lab, arguments.rows, arguments.xlsx_rows, progress)?;
    }
    if wants(Part::Breaks) {
        let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        eprintln!("seed {seed}");
        let options = breaks::Options { seed, kills: arguments.kills };
        let progress = |kills| eprintln!("{kills} of {} kills", arguments.kills);
        report.breaks = Some(breaks::run(&mut lab, options, progress)?);
    }
    let text = report.markdown()?;
    print!("{text}");
    if let Some(file) = &arguments.report {
        fs::write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report.is_right())
}

fn versions() -> Result<Vec<(String, String)>> {
    let printed = run_python("versions.py", &[])?;
    let pairs = printed.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect())
}
