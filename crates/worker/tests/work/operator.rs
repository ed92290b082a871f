//! Runs the worker's commands for operators as an operator does. Unless a test says otherwise, they
//! work on the invalid queue, without a database.

use std::process::{Command, Stdio};

use test_kit::{Stack, program::path_of, stack::aws};

/// How a command ended.
pub struct Ended {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// `worker` with these arguments, separated by spaces.
pub fn command(stack: &Stack, arguments: &str) -> Command {
    let mut command = Command::new(path_of("worker"));
    command
        .args(arguments.split(' '))
        .env_clear()
        .envs(aws(stack.sqs.endpoint()))
        .env("WORKER_KEEPS_INVALID", "false")
        .stdin(Stdio::null());
    command
}

/// `worker` with these arguments, for messages in the database.
pub fn command_for_kept(stack: &Stack, arguments: &str) -> Command {
    let mut command = command(stack, arguments);
    command.env("WORKER_KEEPS_INVALID", "true").env("DATABASE_URL", stack.database.url());
    command
}

/// Runs `worker` with these arguments until it ends, for messages in the database.
pub fn run_for_kept(stack: &Stack, arguments: &str) -> Ended {
    ended(command_for_kept(stack, arguments).output().unwrap())
}

/// Runs `worker` with these arguments until it ends.
pub fn run(stack: &Stack, arguments: &str) -> Ended {
    ended(command(stack, arguments).output().unwrap())
}

pub fn ended(output: std::process::Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs `worker` with these arguments, which must succeed, and returns its standard output.
pub fn run_successfully(stack: &Stack, arguments: &str) -> String {
    let ended = run(stack, arguments);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// The columns of each line below the head. The reason is one column although it contains spaces.
pub fn columns(output: &str) -> Vec<Vec<String>> {
    let lines = output.lines().skip(1);
    lines
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        })
        .collect()
}
