//! The real binary, in a directory and an environment of its own.

mod refusing;
mod shipped;
mod usage;
mod writing;

mod sandbox;

/// `env.json` of most tests.
const TWO_AND_TWO: &str = r#"{
  "host_env_var_prefix": "P",
  "file_path": ".env",
  "env_vars": {"required": ["B", "A"], "optional": ["D", "C"]}
}"#;

/// `env-postgres.json` of the tests with two files. A is needed by both.
const POSTGRES: &str = r#"{
  "host_env_var_prefix": "P",
  "file_path": ".env-postgres",
  "env_vars": {"required": ["A", "DB"], "optional": []}
}"#;
