//! `make chaos` and `make soak`: see [`chaos`].

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use chaos::{
    between::{Moment, kill_between},
    fault::Pace,
    run::{Options, Run, Shown},
};
use chrono::Utc;
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Breaks the running system at random, and proves that no form is lost and none doubled.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Gives the same forms and the same plan of faults again; random where absent.
    #[arg(long)]
    seed: Option<u64>,
    /// How long forms are sent and things broken.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients that send at the same time.
    #[arg(long, default_value_t = 16)]
    senders: u32,
    /// Breaks things six times less often and spares the first api and worker, to watch their memory.
    #[arg(long)]
    soak: bool,
    /// Writes <REPORT>.md and <REPORT>.svg besides those in the run's own directory.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Kills a worker again and again between COMMIT and delete.
    BetweenCommitAndDelete(Kills),
    /// Kills a worker again and again between the send to the invalid queue and the delete.
    BetweenAsideAndDelete(Kills),
}

#[derive(clap::Args)]
struct Kills {
    /// How often.
    #[arg(long, default_value_t = 1000)]
    kills: usize,
    /// Systems side by side.
    #[arg(long, default_value_t = 4)]
    systems: usize,
    /// Writes the figures to <REPORT>.md too.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let interrupted = CancellationToken::new();
    let outcome = match on_interrupt(&interrupted) {
        Err(error) => Err(error),
        Ok(()) => match arguments.command {
            Some(Command::BetweenCommitAndDelete(kills)) => {
                between(Moment::CommitAndDelete, &kills, &interrupted).await
            }
            Some(Command::BetweenAsideAndDelete(kills)) => {
                between(Moment::AsideAndDelete, &kills, &interrupted).await
            }
            None => storm(arguments, &interrupted).await,
        },
    };
    match outcome {
        _ if interrupted.is_cancelled() => {
            eprintln!("Interrupted; everything is stopped, nothing was checked.");
            ExitCode::from(130)
        }
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all promises were kept.
async fn storm(arguments: Arguments, interrupted: &CancellationToken) -> Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let directory = directory(&format!("seed-{seed}"))?;
    eprintln!("seed {seed}; history and logs in {}", directory.display());
    let time = Duration::from_secs(arguments.seconds);
    let longest_ms = arguments.seconds.saturating_mul(1000) / 3;
    let pauses = if arguments.soak { 6 } else { 1 };
    let pace = Some(Pace { pauses, spare_the_first: arguments.soak, longest_ms });
    let options =
        Options { seed, time, senders: arguments.senders, pace, directory: directory.clone() };
    let bar = bar(arguments.seconds, "{elapsed_precise} {bar:30} {msg}")?;
    let Some(shown) = run(options, &bar, interrupted).await? else { return Ok(false) };
    bar.finish_and_clear();

    shown.write_report(&directory.join("report"))?;
    if let Some(stem) = &arguments.report {
        shown.write_report(stem)?;
    }
    for (what, count) in shown.figures() {
        println!("{:52} {}", what.replace("**", ""), count.replace("**", ""));
    }
    for violation in &shown.verdict.violations {
        println!("VIOLATION {violation}");
    }
    println!("seed {seed}; report, history and logs in {}", directory.display());
    Ok(shown.verdict.violations.is_empty())
}

/// Nothing where it was interrupted.
async fn run(
    options: Options,
    bar: &ProgressBar,
    interrupted: &CancellationToken,
) -> Result<Option<Shown>> {
    let Some(run) = interrupted.run_until_cancelled(Run::start(options)).await else {
        return Ok(None);
    };
    let mut run = run?;
    run.storm(bar, interrupted).await?;
    if interrupted.is_cancelled() {
        return Ok(None);
    }
    let verdict = run.examine().await?;
    run.finish(verdict).await.map(Some)
}

/// Whether every message is there once.
async fn between(moment: Moment, kills: &Kills, interrupted: &CancellationToken) -> Result<bool> {
    let directory = directory("between")?;
    eprintln!("logs in {}", directory.display());
    let bar = bar(kills.kills as u64, "{elapsed_precise} {bar:30} {pos}/{len} kills")?;
    let left =
        kill_between(moment, kills.kills, kills.systems.max(1), &directory, &bar, interrupted)
            .await?;
    bar.finish_and_clear();
    let report = left.report(moment);
    print!("{report}");
    if let Some(stem) = &kills.report {
        std::fs::write(stem.with_extension("md"), report)?;
    }
    Ok(left.lost == 0 && left.doubled == 0)
}

/// A directory of its own for each run.
fn directory(name: &str) -> Result<PathBuf> {
    let now = Utc::now().format("%Y%m%d-%H%M%S");
    let directory = std::env::temp_dir().join(format!("chaos-{name}-{now}-{}", std::process::id()));
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", Path::new(&directory).display()))?;
    Ok(directory)
}

fn bar(length: u64, template: &str) -> Result<ProgressBar> {
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(template)?))
}

/// Ctrl-C reaches the services too; what is broken off here is not checked.
fn on_interrupt(interrupted: &CancellationToken) -> Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut signals, interrupted) = (signal(kind)?, interrupted.clone());
        tokio::spawn(async move {
            signals.recv().await;
            interrupted.cancel();
        });
    }
    Ok(())
}
