//! The command line.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

pub const USAGE: &str = "\
Usage: env-writer CONFIG.json...

Writes one file of NAME=value lines for each CONFIG.json, from host variables named PREFIX_NAME:

    {
      \"host_env_var_prefix\": \"DIRECTORY_FORM_DATA\",
      \"file_path\": \".env\",
      \"env_vars\": {\"required\": [\"UI_SECRET\"], \"optional\": [\"SECRET_KEY\"]}
    }

file_path is relative to the current directory. Every file is checked before any file is written.
In an optional name, one * stands for one or more characters: SQS_*_QUEUE_NAME matches every host
variable of that form.
If a host variable starts with the prefix but no CONFIG.json lists it, a warning on stderr names it.

Exit codes:
  0  all files are written
  1  something is wrong, and stderr lists every problem
  2  wrong usage
";

/// What the user wants.
pub enum Command {
    WriteFiles(Vec<PathBuf>),
    ShowHelp,
}

pub enum UsageError {
    UnknownOption(OsString),
    NoConfig,
}

impl Command {
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, UsageError> {
        let arguments: Vec<OsString> = arguments.collect();
        if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
            return Ok(Self::ShowHelp);
        }
        if let Some(option) = arguments.iter().find(|argument| is_option(argument)) {
            return Err(UsageError::UnknownOption(option.clone()));
        }
        if arguments.is_empty() {
            return Err(UsageError::NoConfig);
        }
        Ok(Self::WriteFiles(arguments.into_iter().map(PathBuf::from).collect()))
    }
}

fn is_option(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOption(option) => write!(f, "Unknown option: {}", option.display()),
            Self::NoConfig => f.write_str("Name at least one CONFIG.json."),
        }
    }
}
