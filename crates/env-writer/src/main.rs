//! `env-writer`: writes `.env` files from the host's prefixed environment variables.

mod arguments;

use std::{
    env,
    io::{Write, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
};

use arguments::{Command, USAGE};

fn main() -> ExitCode {
    match Command::parse(env::args_os().skip(1)) {
        Ok(Command::ShowHelp) => {
            print(stdout(), USAGE);
            ExitCode::SUCCESS
        }
        Ok(Command::WriteFiles(configs)) => write_files(&configs),
        Err(error) => {
            print(stderr(), &format!("{error}\n{USAGE}"));
            ExitCode::from(2)
        }
    }
}

fn write_files(configs: &[PathBuf]) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "this program exists to read host variables")]
    let variables = env::vars_os();
    let host =
        variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    match env_writer::write_env_files(configs, &host) {
        Ok(unused) => {
            for name in unused {
                print(stderr(), &format!("{name} is set, but no JSON file lists it.\n"));
            }
            ExitCode::SUCCESS
        }
        Err(report) => {
            print(stderr(), &report.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Unlike `print!`, does not panic if the stream is closed; the exit code still shows the result.
fn print(mut stream: impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}
