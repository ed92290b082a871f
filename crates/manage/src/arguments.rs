//! The command line.

use clap::{Args, Parser, Subcommand};
use relations::Scope;

/// Does one thing for an operator and exits.
///
/// The exit status is 0 if it was done, 1 if something was not done, and 2 if the command line is
/// wrong. Settings are environment variables; docs/reference/settings.md lists them.
#[derive(Debug, Parser)]
#[command(name = "manage", version, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub shared: Shared,
}

#[derive(Clone, Debug, Args)]
pub struct Shared {
    /// Write JSON: a list as one object per line, anything else as one object
    #[arg(long, global = true)]
    pub json: bool,
    /// Who makes the change; without it $MANAGE_ACTOR, else $USER
    #[arg(long = "as", value_name = "NAME", global = true)]
    pub actor: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Decide who may read, and what
    #[command(subcommand)]
    Clients(ClientsCommand),
}

#[derive(Debug, Subcommand)]
pub enum ClientsCommand {
    /// Add a client and show its key, which is never shown again
    Add(AddArguments),
    /// List the clients with their keys and scopes
    List,
    /// Give a client these scopes and no others
    Scope(ScopeArguments),
    /// Give a client a second key and show it; the first one goes on working
    Rotate(RotateArguments),
    /// End a key; services take this in within 30 seconds
    EndKey(EndKeyArguments),
    /// Refuse all requests of a client; services take this in within 30 seconds
    Disable(DisableArguments),
    /// Take over clients of the old data store from a CSV file on standard input
    ///
    /// Its columns are id, key, scope and description, as in the table hawk_users. The scopes come
    /// from --scope alone; old scopes without a counterpart are listed.
    Import(ImportArguments),
    /// Encrypt all live keys with CREDENTIALS_KEY that are encrypted with CREDENTIALS_KEY_PREVIOUS
    Reencrypt(ReencryptArguments),
}

#[derive(Debug, Args)]
pub struct AddArguments {
    /// The name with which the client signs
    pub id: String,
    /// Relations that it may read, as schema/table or schema/table(column,…); * stands for a whole
    /// part, or for the end of the schema. Several add up
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::parse)]
    pub scopes: Vec<Scope>,
    /// What the client is for, and whom to ask
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// Change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ScopeArguments {
    /// The client
    pub id: String,
    /// As for `add`
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::parse)]
    pub scopes: Vec<Scope>,
    /// Change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct RotateArguments {
    /// The client
    pub id: String,
    /// Change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct EndKeyArguments {
    /// The client
    pub id: String,
    /// The id of the key, as `list` shows it
    pub key_id: String,
    /// Change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct DisableArguments {
    /// The client
    pub id: String,
    /// Change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// Relations that each of them may read, as for `add`
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::parse)]
    pub scopes: Vec<Scope>,
    /// Allow scopes that reach submissions
    #[arg(long)]
    pub allow_forms: bool,
    /// Change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ReencryptArguments {
    /// Change nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl ClientsCommand {
    /// Whether it encrypts or decrypts keys.
    pub fn needs_key(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Rotate(_) | Self::Import(_) | Self::Reencrypt(_))
    }

    /// Whether it changes nothing although it could.
    pub fn is_dry_run(&self) -> bool {
        match self {
            Self::List => false,
            Self::Add(AddArguments { dry_run, .. })
            | Self::Scope(ScopeArguments { dry_run, .. })
            | Self::Rotate(RotateArguments { dry_run, .. })
            | Self::EndKey(EndKeyArguments { dry_run, .. })
            | Self::Disable(DisableArguments { dry_run, .. })
            | Self::Import(ImportArguments { dry_run, .. })
            | Self::Reencrypt(ReencryptArguments { dry_run }) => *dry_run,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_reference_shows_the_help_of_manage_and_of_each_command() {
        let mut manage = Arguments::command();
        manage.build();
        let mut block = String::new();
        append_help(&mut manage, &mut block);
        test_kit::reference::check("command-lines.md", "manage", &block);
    }

    fn append_help(command: &mut clap::Command, block: &mut String) {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let name = command.get_bin_name().unwrap_or("manage");
        *block += &format!("`{name} --help`\n\n```text\n{}\n```\n\n", lines.join("\n"));
        for subcommand in command.get_subcommands_mut() {
            append_help(subcommand, block);
        }
    }
}
