//! `make chaos` and `make soak` call this program: see [`chaos`].

use std::{
    env, fs,
    path::PathBuf,
    process::{self, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result};
use chaos::{
    kills::{self, Moment, kill_workers},
    plan::Pace,
    report::ReportRow,
    run::{Run, RunOptions, RunResult},
};
use chrono::Utc;
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Breaks the running system at random, and proves that no form is lost and none stored twice
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Repeats the forms and faults of an earlier run [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// How long to send forms and break things
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients that send at the same time
    #[arg(long, default_value_t = 16)]
    senders: u32,
    /// Breaks things six times less often, and spares the first api and worker to watch their memory
    #[arg(long)]
    soak: bool,
    /// Also writes the report to <REPORT>.md and <REPORT>.svg
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Kills workers at exact moments, and counts lost and doubled forms
    Kills(KillOptions),
}

#[derive(Args)]
struct KillOptions {
    /// Kills between COMMIT and delete
    #[arg(long, value_name = "KILLS", default_value_t = 1000)]
    after_commit: usize,
    /// Kills between the send to the invalid queue and the delete
    #[arg(long, value_name = "KILLS", default_value_t = 100)]
    after_set_aside: usize,
    /// Systems side by side
    #[arg(long, default_value_t = 4)]
    systems: usize,
    /// Also writes the report to <REPORT>.md
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let interrupted = CancellationToken::new();
    let outcome = match cancel_on_signal(&interrupted) {
        Err(error) => Err(error),
        Ok(()) => match arguments.command {
            Some(Command::Kills(options)) => kill(&options, &interrupted).await,
            None => storm(arguments, &interrupted).await,
        },
    };
    match outcome {
        _ if interrupted.is_cancelled() => {
            eprintln!("Interrupted. Everything is stopped, and nothing was checked.");
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

/// Returns whether all promises were kept.
async fn storm(arguments: Arguments, interrupted: &CancellationToken) -> Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let directory = directory(&format!("seed-{seed}"))?;
    eprintln!("seed {seed}; history and logs in {}", directory.display());
    let time = Duration::from_secs(arguments.seconds);
    let longest_ms = arguments.seconds.saturating_mul(1000) / 3;
    let pause_factor = if arguments.soak { 6 } else { 1 };
    let pace = Some(Pace { pause_factor, spare_the_first: arguments.soak, longest_ms });
    let options =
        RunOptions { seed, time, senders: arguments.senders, pace, directory: directory.clone() };
    let bar = bar(arguments.seconds, "{elapsed_precise} {bar:30} {msg}")?;
    let Some(result) = run(options, &bar, interrupted).await? else { return Ok(false) };
    bar.finish_and_clear();

    result.write_report(&directory.join("report"))?;
    if let Some(stem) = &arguments.report {
        result.write_report(stem)?;
    }
    for ReportRow { name, value } in result.figures() {
        println!("{:52} {}", name.replace("**", ""), value.replace("**", ""));
    }
    for violation in &result.verdict.violations {
        println!("VIOLATION {violation}");
    }
    println!("seed {seed}; report, history and logs in {}", directory.display());
    Ok(result.verdict.violations.is_empty())
}

/// `None` if it was interrupted.
async fn run(
    options: RunOptions,
    bar: &ProgressBar,
    interrupted: &CancellationToken,
) -> Result<Option<RunResult>> {
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

/// Returns whether every message was stored or set aside.
async fn kill(options: &KillOptions, interrupted: &CancellationToken) -> Result<bool> {
    let directory = directory("kills")?;
    eprintln!("logs in {}", directory.display());
    let total = options.after_commit + options.after_set_aside;
    let bar = bar(total as u64, "{elapsed_precise} {bar:30} {pos}/{len} kills")?;
    let systems = options.systems.max(1);
    let kill = |moment, kills| kill_workers(moment, kills, systems, &directory, &bar, interrupted);
    let after_commit = kill(Moment::AfterCommit, options.after_commit).await?;
    let after_set_aside = kill(Moment::AfterSetAside, options.after_set_aside).await?;
    bar.finish_and_clear();
    let report = kills::report(&after_commit, &after_set_aside);
    print!("{report}");
    if let Some(stem) = &options.report {
        fs::write(stem.with_extension("md"), report)?;
    }
    Ok([after_commit, after_set_aside].iter().all(|it| it.lost == 0 && it.doubled == 0))
}

/// Creates a directory for this run.
fn directory(name: &str) -> Result<PathBuf> {
    let now = Utc::now().format("%Y%m%d-%H%M%S");
    let directory = env::temp_dir().join(format!("chaos-{name}-{now}-{}", process::id()));
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}

fn bar(length: u64, template: &str) -> Result<ProgressBar> {
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(template)?))
}

/// Ctrl-C also reaches the services, so an interrupted run is not checked.
fn cancel_on_signal(interrupted: &CancellationToken) -> Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut signals, interrupted) = (signal(kind)?, interrupted.clone());
        tokio::spawn(async move {
            signals.recv().await;
            interrupted.cancel();
        });
    }
    Ok(())
}
