//! The worker's commands for operators, as an operator runs them: with no database.

use std::process::{Command, Stdio};

use test_kit::{Stack, service::path_of, stack::aws};

/// How a command ended.
pub struct Ended {
    pub status: Option<i32>,
    /// Standard output.
    pub shown: String,
    /// Standard error.
    pub told: String,
}

/// `worker` with these words.
pub fn command(stack: &Stack, words: &str) -> Command {
    let mut command = Command::new(path_of("worker"));
    command.args(words.split(' ')).env_clear().envs(aws(stack.sqs.endpoint())).stdin(Stdio::null());
    command
}

/// Runs `worker` with these words to its end.
pub fn run(stack: &Stack, words: &str) -> Ended {
    ended(command(stack, words).output().unwrap())
}

pub fn ended(output: std::process::Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status.code(), shown: text(output.stdout), told: text(output.stderr) }
}

/// Runs it, and says what it showed when all went well.
pub fn run_well(stack: &Stack, words: &str) -> String {
    let ended = run(stack, words);
    assert_eq!(ended.status, Some(0), "{}{}", ended.shown, ended.told);
    ended.shown
}

/// The columns of each line below the head, with the reason in one.
pub fn columns(shown: &str) -> Vec<Vec<String>> {
    let lines = shown.lines().skip(1);
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
