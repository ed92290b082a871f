//! The command line.

use std::num::NonZeroUsize;

use clap::{Args, Parser, Subcommand};

/// Stores forms that come over SQS in PostgreSQL, until it is told to stop. Its settings are environment variables.
#[derive(Debug, Parser)]
#[command(name = "worker", args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// Says what is wrong with the settings, or shows them without secrets, and ends
    #[arg(long)]
    pub check_settings: bool,
    /// Asks the worker that runs here whether it is ready, and ends: 0 if it is
    #[arg(long, conflicts_with = "check_settings")]
    pub healthcheck: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Brings the database schema up to date and ends
    Migrate,
    /// Sends invalid messages back to the form queue
    ///
    /// A message keeps what it is known by, so that nothing is stored twice, however often it is sent back.
    /// What is still not right comes back to the invalid queue. Each message that was sent back is a line, as in `invalid list`.
    Redrive(RedriveArguments),
    /// Looks at the invalid messages
    #[command(subcommand)]
    Invalid(InvalidCommand),
}

#[derive(Debug, Args)]
pub struct RedriveArguments {
    /// Whose messages, one of FORM_TYPES
    #[arg(long, value_name = "NAME", default_value = "form")]
    pub form_type: String,
    /// Sends no more than the oldest N
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroUsize>,
    /// Sends and deletes nothing, and shows what would be sent
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum InvalidCommand {
    /// Shows id, age, size in bytes, copies and reason of each invalid message, oldest first
    ///
    /// All of them are hidden from others while it looks, and visible again when it ends. Their receive counts rise.
    List(ListArguments),
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Whose messages, one of FORM_TYPES
    #[arg(long, value_name = "NAME", default_value = "form")]
    pub form_type: String,
    /// Shows what was sent, under each line, in the order in which SQS gives them; this is form data
    #[arg(long)]
    pub show: bool,
}
