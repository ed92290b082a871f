//! `env-writer`: writes `.env` files from the host's prefixed environment variables.

use std::ffi::{OsStr, OsString};
use std::io::{Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: env-writer CONFIG.json...

Writes one file of NAME=value lines for each CONFIG.json, from host variables called PREFIX_NAME:

    {
      \"host_env_var_prefix\": \"DIRECTORY_FORM_DATA\",
      \"file_path\": \".env\",
      \"env_vars\": {\"required\": [\"UI_SECRET\"], \"optional\": [\"SECRET_KEY\"]}
    }

file_path is relative to the current directory. Every file is checked before any is written.
In an optional name one * stands for one character or more: SQS_*_QUEUE_NAME is every host variable like it.
A host variable that begins with the prefix and is in no file is told on stderr, and is no fault.
Exit code: 0 when all files are written, 1 on a fault (stderr has all of them), 2 on wrong usage.
";

#[expect(clippy::disallowed_methods, reason = "host variables are what this program reads")]
fn main() -> ExitCode {
    match Command::parse(std::env::args_os().skip(1)) {
        Command::Help => {
            print(stdout(), USAGE);
            ExitCode::SUCCESS
        }
        Command::Misused(fault) => {
            print(stderr(), &format!("{fault}\n{USAGE}"));
            ExitCode::from(2)
        }
        Command::Write(configs) => {
            let host = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect();
            match env_writer::write_env_files(&configs, &host) {
                Ok(left) => {
                    for name in left {
                        print(
                            stderr(),
                            &format!("{name} is set, and is in no file: no JSON file names it.\n"),
                        );
                    }
                    ExitCode::SUCCESS
                }
                Err(report) => {
                    print(stderr(), &report.to_string());
                    ExitCode::FAILURE
                }
            }
        }
    }
}

enum Command {
    Write(Vec<PathBuf>),
    Help,
    Misused(String),
}

impl Command {
    fn parse(arguments: impl Iterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = arguments.collect();
        if arguments.iter().any(|a| a == "--help" || a == "-h") {
            return Self::Help;
        }
        if let Some(option) = arguments.iter().find(|a| is_option(a)) {
            return Self::Misused(format!("Unknown option: {}", option.display()));
        }
        if arguments.is_empty() {
            return Self::Misused("No CONFIG.json is given.".to_owned());
        }
        Self::Write(arguments.into_iter().map(PathBuf::from).collect())
    }
}

fn is_option(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

/// Unlike `print!`, does not panic when nobody reads the stream any more; the exit code still tells.
fn print(mut stream: impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}
