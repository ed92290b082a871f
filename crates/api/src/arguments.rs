//! The command line.

use clap::Parser;

/// Accepts forms over HTTP and sends them to SQS, until a signal stops it.
///
/// Environment variables hold its settings.
#[derive(Debug, Parser)]
#[command(name = "api", version)]
pub struct Arguments {
    /// Check the settings, show them without secrets, and exit: with 1 if a setting is wrong
    #[arg(long)]
    pub check_settings: bool,
    /// Ask the api that runs with these settings whether it is ready, and exit: with 0 if it is
    #[arg(long, conflicts_with = "check_settings")]
    pub healthcheck: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_reference_shows_the_help_of_the_api() {
        let help = Arguments::command().render_long_help();
        let block = format!("```text\n{help}```");
        test_kit::reference::check("command-lines.md", "api", &block);
    }
}
