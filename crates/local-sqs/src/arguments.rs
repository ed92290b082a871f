//! The command line.

use clap::Parser;

/// Runs a queue that is compatible with Amazon SQS, until it is stopped. Its settings are
/// environment variables; docs/reference/settings.md lists them.
#[derive(Debug, Parser)]
#[command(name = "local-sqs", version)]
pub struct Arguments {
    /// Ask the running service whether it is ready; exit with 0 if it is, else 1
    #[arg(long)]
    pub healthcheck: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_reference_of_the_command_line_shows_the_help() {
        let help = Arguments::command().render_help();
        let block = format!("```text\n$ local-sqs --help\n{}\n```", help.to_string().trim_end());
        test_kit::reference::check("command-lines.md", "local-sqs", &block);
    }
}
