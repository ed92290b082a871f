//! Commands for operators.
//!
//! The exit status is 0 if everything was done, 1 if something was not, and 2 if the command line is
//! wrong. Results go to standard output, as a table or as JSON, messages to standard error.

#![expect(missing_docs, reason = "a program: only its main and its tests use the public items")]

pub mod arguments;
pub mod settings;

pub mod clients;

pub mod output;

/// The command line is wrong in a way that clap cannot see.
#[derive(Debug)]
pub struct Misuse(pub &'static str);

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Misuse {}
