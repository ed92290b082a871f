//! The command line.

use std::num::NonZeroUsize;

use clap::{Args, Parser, Subcommand};

/// Stores forms from SQS in PostgreSQL until you stop it.
///
/// Its settings are environment variables; docs/reference/settings.md lists them.
#[derive(Debug, Parser)]
#[command(
    name = "worker",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Arguments {
    /// Check the settings and exit: show them without secrets, or list every fault and exit with 1
    #[arg(long)]
    pub check_settings: bool,
    /// Ask the running service whether it is ready; exit with 0 if it is, else 1
    #[arg(long, conflicts_with = "check_settings")]
    pub healthcheck: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the database schema and the views for readers up to date and exit
    Migrate,
    /// Drop the index that only the 2016 worker needs, when it will never run again, and exit.
    ///
    /// On a large table, that index costs more than half the rate at which rows are stored. Workers
    /// go on storing meanwhile. Afterwards the view form_form takes no inserts.
    FinishMove(FinishMoveArguments),
    /// Send invalid messages back to the form queue.
    ///
    /// Each message keeps its ids, so the form is stored once, no matter how often you send it
    /// back. A message that is still invalid waits again. Prints one line for each message that was
    /// sent back, as `worker invalid list` does.
    Redrive(RedriveArguments),
    /// Look at the invalid messages
    #[command(subcommand)]
    Invalid(InvalidCommand),
}

#[derive(Debug, Args)]
pub struct FinishMoveArguments {
    /// Make the index again, so that the 2016 worker can run
    #[arg(long)]
    pub back: bool,
}

#[derive(Debug, Args)]
pub struct RedriveArguments {
    /// The form type of the messages, one of FORM_TYPES
    #[arg(long, value_name = "NAME", default_value = "form")]
    pub form_type: String,
    /// Send only the N oldest messages
    #[arg(long, value_name = "N", value_parser = one_or_more)]
    pub limit: Option<NonZeroUsize>,
    /// Show the messages that would be sent; send and delete nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum InvalidCommand {
    /// List the id, age, size in bytes, how often it was seen and sent back, and reason of each
    /// invalid message that waits, oldest first
    ///
    /// With WORKER_KEEPS_INVALID=false it lists the messages on the invalid queue, with the number
    /// of copies. While the command runs, they are hidden from all other readers of the queue. They
    /// become visible again when it ends. Their receive counts go up.
    List(ListArguments),
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// The form type of the messages, one of FORM_TYPES
    #[arg(long, value_name = "NAME", default_value = "form")]
    pub form_type: String,
    /// Show the body of each message below its line; bodies are form data
    #[arg(long)]
    pub show: bool,
}

fn one_or_more(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "must be a whole number, 1 or more")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_from_1() {
        let parse = |limit| Arguments::try_parse_from(["worker", "redrive", "--limit", limit]);
        assert!(parse("1").is_ok());
        for limit in ["0", "x", "1.5"] {
            let error = parse(limit).unwrap_err().to_string();
            assert!(error.contains("must be a whole number, 1 or more"), "{error}");
        }
    }

    #[test]
    fn the_reference_shows_the_help_of_the_worker_and_of_each_command() {
        let mut worker = Arguments::command();
        worker.build();
        let mut block = String::new();
        append_help(&mut worker, &mut block);
        test_kit::reference::check("command-lines.md", "worker", &block);
    }

    fn append_help(command: &mut clap::Command, block: &mut String) {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let name = command.get_bin_name().unwrap_or("worker");
        *block += &format!("`{name} --help`\n\n```text\n{}\n```\n\n", lines.join("\n"));
        for subcommand in command.get_subcommands_mut() {
            append_help(subcommand, block);
        }
    }
}
