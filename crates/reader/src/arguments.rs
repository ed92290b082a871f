//! The command line.

use clap::Parser;

/// Answers requests for published relations over HTTP until it is stopped.
///
/// Its settings are environment variables; docs/reference/settings.md lists them.
#[derive(Debug, Parser)]
#[command(name = "reader", version)]
pub struct Arguments {
    /// Check the settings and exit: show them without secrets, or list every fault and exit with 1
    #[arg(long)]
    pub check_settings: bool,
    /// Ask the running service whether it is ready; exit with 0 if it is, else 1
    #[arg(long, conflicts_with = "check_settings")]
    pub healthcheck: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_reference_shows_the_help_of_the_reader() {
        let help = Arguments::command().render_long_help();
        let block = format!("```text\n{help}```");
        test_kit::reference::check("command-lines.md", "reader", &block);
    }
}
