//! A directory with files, in which tests run the program.

// clippy.toml allows this in #[test] functions, but not in their helpers.
#![allow(clippy::unwrap_used)]

use std::{ffi::OsStr, fs, path::PathBuf, process::Command};

use tempfile::TempDir;

/// The `env.json` of most tests.
pub const TWO_AND_TWO: &str = r#"{
  "host_env_var_prefix": "P",
  "file_path": ".env",
  "env_vars": {"required": ["B", "A"], "optional": ["D", "C"]}
}"#;

/// The `env-postgres.json` of the tests with two files. Both files need A.
pub const POSTGRES: &str = r#"{
  "host_env_var_prefix": "P",
  "file_path": ".env-postgres",
  "env_vars": {"required": ["A", "DB"], "optional": []}
}"#;

pub struct Sandbox(TempDir);

pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn with(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(directory)
    }

    /// Runs the program with only these variables.
    pub fn run(&self, arguments: &[&str], host: &[(&str, &str)]) -> Run {
        let host: Vec<(&str, &OsStr)> = host.iter().map(|(n, v)| (*n, OsStr::new(v))).collect();
        self.run_with_bytes(arguments, &host)
    }

    /// The same, for values that are not text.
    pub fn run_with_bytes(&self, arguments: &[&str], host: &[(&str, &OsStr)]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_env-writer"))
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .envs(host.iter().copied())
            .output()
            .unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of all files directly in the directory, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Run {
    #[track_caller]
    pub fn succeeded(&self) {
        let found = (self.code, self.stdout.as_str(), self.stderr.as_str());
        assert_eq!(found, (Some(0), "", ""));
    }

    /// The text on stderr. A failed run prints nothing to stdout.
    #[track_caller]
    pub fn failed(&self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        self.stderr.clone()
    }
}
