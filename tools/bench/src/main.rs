//! `make bench` and `make count` call this program.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use bench::{
    count, figures,
    lab::{Lab, Revision},
    large::{self, Options, Outcome, Part},
    machine,
    measure::measure_all,
    null_sink, pairs, reader, report,
    sweep::sweep,
    table,
};
use clap::{Args, Parser, Subcommand, builder::RangedU64ValueParser};

/// Measures how much the services accept and store
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    setup: Setup,
    /// Messages in the backlog that the worker drains
    #[arg(long, value_name = "MESSAGES", default_value_t = 200_000)]
    backlog: u64,
    /// Directory for the report; without it the results are only printed
    #[arg(long, value_name = "DIR")]
    docs: Option<PathBuf>,
    /// Only the steps whose name contains this, such as "to the row"; what the others measure is missing in the table
    #[arg(long, value_name = "TEXT", default_value = "", conflicts_with = "docs")]
    only: String,
}

#[derive(Args)]
struct Setup {
    /// Directory of api, worker and both builds of local-sqs [default: that of this program]
    #[arg(long, value_name = "DIR", global = true)]
    programs: Option<PathBuf>,
    /// Directory of api and worker of another revision, to compare with
    #[arg(long, value_name = "DIR", global = true)]
    base: Option<PathBuf>,
    /// Name of the other revision in the table
    #[arg(long, value_name = "NAME", global = true, default_value = "base")]
    base_name: String,
    /// Measures for a tenth of the time with a twentieth of the forms, to try the benchmark itself
    #[arg(long, global = true)]
    quick: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Counts instructions per submission with valgrind
    Count {
        /// Directory for the report
        #[arg(long, value_name = "DIR")]
        docs: PathBuf,
    },
    /// Compares the rates of this revision with those of --base
    Pairs {
        /// Pairs of runs of each rate
        #[arg(long, value_name = "NUMBER", default_value_t = 5)]
        pairs: usize,
        /// Only the rates whose name contains this, such as "4 database"
        #[arg(long, value_name = "TEXT", default_value = "")]
        only: String,
    },
    /// Measures a large table, and the migration of a large database of the last release
    Large(Large),
    /// Measures what reading costs
    Reader(Reader),
    /// The server that the api is compared with; the benchmark starts it itself
    #[command(hide = true)]
    NullSink,
}

#[derive(Args)]
struct Large {
    /// Rows of the table; the database of the last release has a third of them
    #[arg(long, value_name = "NUMBER", default_value_t = 30_000_000, value_parser = at_least_10_000())]
    rows: u64,
    /// Pairs of runs, one with the large table and one with an empty one
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pairs: usize,
    /// Memory of PostgreSQL, or 0 for no limit [default: a third of what its indexes need, and 384 at least]
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Directory for the report; without it the results are only printed
    #[arg(long, value_name = "DIR")]
    docs: Option<PathBuf>,
}

#[derive(Args)]
struct Reader {
    /// Rows of the table; a tenth of them is read, but at least 100,000 or a third
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000_000, value_parser = at_least_10_000())]
    rows: u64,
    /// Pairs of runs of each comparison
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pairs: usize,
    /// Only this part
    #[arg(long, value_enum, conflicts_with = "docs")]
    only: Option<reader::Part>,
    /// Directory for the report; without it the results are only printed
    #[arg(long, value_name = "DIR")]
    docs: Option<PathBuf>,
}

/// With fewer, the pages of the report would overlap.
fn at_least_10_000() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(10_000..)
}

fn main() -> Result<()> {
    let Arguments { command, setup, backlog, docs, only } = Arguments::parse();
    match command {
        Some(Command::NullSink) => Ok(null_sink::serve()?),
        Some(Command::Count { docs }) => {
            let programs = setup.programs()?;
            let lab = Lab::prepare(programs.clone(), setup.quick)?;
            count::count(&lab, &setup.revisions(&programs), &programs.join("profiles"), &docs)
        }
        Some(Command::Pairs { pairs, only }) => compare(&setup, pairs, &only),
        Some(Command::Large(arguments)) => measure_large(&setup, arguments),
        Some(Command::Reader(arguments)) => measure_reader(&setup, arguments),
        None => bench(&setup, backlog, docs, &only),
    }
}

impl Setup {
    fn programs(&self) -> Result<PathBuf> {
        if let Some(programs) = &self.programs {
            return Ok(programs.clone());
        }
        let own = std::env::current_exe()?;
        Ok(own.parent().context("this program is not in a directory")?.to_owned())
    }

    /// The current revision first.
    fn revisions(&self, programs: &Path) -> Vec<Revision> {
        let mut revisions = vec![Revision::current(programs)];
        if let Some(base) = &self.base {
            revisions.push(Revision { name: self.base_name.clone(), programs: base.clone() });
        }
        revisions
    }
}

fn compare(setup: &Setup, pairs: usize, only: &str) -> Result<()> {
    let programs = setup.programs()?;
    let revisions = setup.revisions(&programs);
    let [current, base] = revisions.as_slice() else {
        bail!("--base is missing: the programs to compare with");
    };
    let lab = Lab::prepare(programs.clone(), setup.quick)?;
    println!("{}", pairs::compare(&lab, current, base, pairs, only)?);
    Ok(())
}

fn measure_large(setup: &Setup, arguments: Large) -> Result<()> {
    let Large { rows, pairs, memory, only, docs } = arguments;
    let (programs, quick) = (setup.programs()?, setup.quick);
    let options = Options { programs, quick, rows, pairs, memory, only };
    let Outcome { page, failed } = large::run(&options);
    finish(&page, &failed, docs.map(|docs| docs.join("large.md")))
}

fn measure_reader(setup: &Setup, arguments: Reader) -> Result<()> {
    let Reader { rows, pairs, only, docs } = arguments;
    let (programs, quick) = (setup.programs()?, setup.quick);
    let options = reader::Options { programs, quick, rows, pairs, only };
    let reader::Outcome { page, failed } = reader::run(&options)?;
    finish(&page, &failed, docs.map(|docs| docs.join("reader.md")))
}

/// Prints a page, and writes it to a file if it has everything.
fn finish(page: &str, failed: &[anyhow::Error], file: Option<PathBuf>) -> Result<()> {
    println!("\n{page}");
    if !failed.is_empty() {
        let each: Vec<String> = failed.iter().map(|error| format!("{error:#}")).collect();
        bail!("not all was measured, so no report was written:\n{}", each.join("\n"));
    }
    if let Some(file) = file {
        fs::write(file, page)?;
    }
    Ok(())
}

fn bench(setup: &Setup, backlog: u64, docs: Option<PathBuf>, only: &str) -> Result<()> {
    let programs = setup.programs()?;
    let lab = Lab::prepare(programs.clone(), setup.quick)?;
    let revisions = setup.revisions(&programs);
    let facts = machine::facts(&lab)?;
    for fact in &facts {
        println!("{}: {}", fact.name, fact.value);
    }
    let measured = measure_all(&lab, &revisions, lab.amount(backlog), only)?;
    let names: Vec<&str> = revisions.iter().map(|revision| revision.name.as_str()).collect();
    let table = table::markdown(&figures::of(&measured), &names);
    println!("\n{table}");

    if let (Some(docs), Some(measured), Some(revision)) =
        (docs, measured.first(), revisions.first())
    {
        eprintln!("… worker: pollers and batches");
        let sweeps = sweep(&lab, revision)?;
        report::write(&docs, &facts, &table, measured, &sweeps)?;
    }
    Ok(())
}
