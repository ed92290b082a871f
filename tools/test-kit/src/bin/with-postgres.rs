//! Runs a command with a PostgreSQL cluster of its own: `with-postgres [--] command arguments…`
//!
//! The command finds the superuser's URL in `TEST_POSTGRES_URL`. The cluster is gone when the command is.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::{env, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use test_kit::postgres::{Cluster, ClusterOptions, Shutdown};

fn main() -> ExitCode {
    let mut command: Vec<OsString> = env::args_os().skip(1).collect();
    if command.first().is_some_and(|argument| argument == "--") {
        command.remove(0);
    }
    let mut command = command.into_iter();
    let Some(program) = command.next() else {
        eprintln!("usage: with-postgres [--] command arguments…");
        return ExitCode::from(2);
    };
    // Before anything is there to be left behind.
    let mut signals = match Signals::new([SIGHUP, SIGINT, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("with-postgres: no signals: {error}");
            return ExitCode::from(125);
        }
    };
    let options =
        ClusterOptions { stop_with_thread: cfg!(target_os = "linux"), ..ClusterOptions::default() };
    let mut cluster = match Cluster::throwaway(options) {
        Ok(cluster) => cluster,
        Err(error) => {
            eprintln!("with-postgres: {error}");
            return ExitCode::from(125);
        }
    };
    if let Some(signal) = signals.pending().next() {
        return ended_by(signal);
    }
    let status = run(
        Command::new(&program).args(command).env("TEST_POSTGRES_URL", cluster.url("postgres")),
        signals,
    );
    cluster.stop(Shutdown::Immediate);
    drop(cluster);
    match status {
        Ok(status) => {
            status.signal().map_or_else(|| exit_code(status.code().unwrap_or(1)), ended_by)
        }
        Err(error) => {
            eprintln!("with-postgres: {}: {error}", program.to_string_lossy());
            ExitCode::from(127)
        }
    }
}

/// Waits for the command; signals go on to it, and the way out is its end.
fn run(command: &mut Command, mut signals: Signals) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let pid = child.id();
    thread::spawn(move || {
        // On a terminal Ctrl-C has reached the command already; cargo-nextest takes a second one for "at once".
        let mut from_terminal = io::stdin().is_terminal();
        for signal in signals.forever() {
            if signal == SIGINT && from_terminal {
                from_terminal = false;
                continue;
            }
            if let Err(error) = test_kit::signals::send(pid, signal) {
                eprintln!("with-postgres: cannot pass on signal {signal}: {error}");
            }
        }
    });
    child.wait()
}

/// As a shell reports it.
fn ended_by(signal: i32) -> ExitCode {
    exit_code(128 + signal)
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
