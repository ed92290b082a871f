//! Runs a command with a PostgreSQL cluster of its own, for example all tests.

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    os::unix::process::ExitStatusExt,
    process::{Command, ExitCode, ExitStatus},
    thread,
};

use anyhow::Context;
use clap::Parser;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use test_kit::{
    postgres::{Cluster, ClusterOptions, Shutdown},
    signals,
};

/// The exit code if PostgreSQL does not start; `env` and `timeout` use it for their own failures.
const CANNOT_PREPARE: u8 = 125;
/// The exit code if the command cannot be run, as in a shell.
const CANNOT_RUN: u8 = 127;

/// Runs a command with a PostgreSQL cluster of its own.
///
/// The command finds the superuser's URL in TEST_POSTGRES_URL. The cluster is removed when the
/// command has ended.
#[derive(Parser)]
#[command(name = "with-postgres")]
struct Arguments {
    /// The program to run.
    command: OsString,
    /// Its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let Arguments { command, arguments } = Arguments::parse();
    // Before the cluster starts, so that a signal never leaves it behind.
    let prepared = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .context("cannot handle signals")
        .and_then(|signals| Ok((signals, start_cluster()?)));
    let (mut signals, mut cluster) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            eprintln!("with-postgres: {error:#}");
            return ExitCode::from(CANNOT_PREPARE);
        }
    };
    if let Some(signal) = signals.pending().next() {
        return ended_by(signal);
    }
    let status = run(
        Command::new(&command).args(arguments).env("TEST_POSTGRES_URL", cluster.url("postgres")),
        signals,
    );
    cluster.stop(Shutdown::Immediate);
    drop(cluster);
    match status {
        Ok(status) => {
            status.signal().map_or_else(|| exit_code(status.code().unwrap_or(1)), ended_by)
        }
        Err(error) => {
            eprintln!("with-postgres: cannot run {}: {error}", command.to_string_lossy());
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn start_cluster() -> anyhow::Result<Cluster> {
    let options =
        ClusterOptions { stop_with_thread: cfg!(target_os = "linux"), ..ClusterOptions::default() };
    Ok(Cluster::throwaway(options)?)
}

/// Runs the command and passes signals on to it. We end when it ends.
fn run(command: &mut Command, mut signals: Signals) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let pid = child.id();
    thread::spawn(move || {
        // On a terminal, Ctrl-C has already reached the command. cargo-nextest would take a second
        // one for "stop at once".
        let mut from_terminal = io::stdin().is_terminal();
        for signal in signals.forever() {
            if signal == SIGINT && from_terminal {
                from_terminal = false;
                continue;
            }
            if let Err(error) = signals::send(pid, signal) {
                eprintln!("with-postgres: cannot pass on signal {signal}: {error}");
            }
        }
    });
    child.wait()
}

/// The exit code that a shell gives for this signal.
fn ended_by(signal: i32) -> ExitCode {
    exit_code(128 + signal)
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
