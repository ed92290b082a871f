//! Runs `manage` as an operator does.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use secrecy::SecretString;
use serde_json::Value;
use store::{Store, StoreSettings};
use test_kit::{postgres::TestDatabase, program::path_of};

/// 32 bytes of `k`, in base64.
pub const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";
/// 32 bytes of `n`, in base64.
pub const NEW_KEY: &str = "bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=";

pub struct Sandbox {
    pub database: TestDatabase,
    pub store: Store,
}

/// How the program ended.
pub struct Ended {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn sandbox() -> Sandbox {
    let database = TestDatabase::create();
    let store = Store::new(&StoreSettings::new(SecretString::from(database.url()))).unwrap();
    store.migrate().unwrap();
    Sandbox { database, store }
}

impl Sandbox {
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&[("CREDENTIALS_KEY", KEY)], arguments, "")
    }

    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).envs(variables.iter().copied()).spawn().unwrap();
        // A program that refuses its command line reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ended::from(child.wait_with_output().unwrap())
    }

    /// With another standard output.
    pub fn run_into(&self, stdout: Stdio, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.env("CREDENTIALS_KEY", KEY).stdin(Stdio::null()).stdout(stdout);
        Ended::from(command.spawn().unwrap().wait_with_output().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(path_of("manage"));
        command
            .arg("clients")
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", self.database.url())
            .env("USER", "olive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ended {
    /// The one object on standard output of a command that did everything.
    #[track_caller]
    pub fn object(&self) -> Value {
        assert_eq!(self.status, Some(0), "{}{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The objects on standard output, however the command has ended.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
