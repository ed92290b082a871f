//! Proves, with clients that we did not write, that the rows of the tables arrive as they are: none is missed, no value is
//! altered, and a file that is cut off never looks complete.
//!
//! `make streams` runs all of it with many rows and writes the report; the tests of this crate run it with few.

#![allow(missing_docs, reason = "a development tool: only what a name cannot say is documented")]

// The system, and the clients that read from it.
pub mod client;
pub mod lab;
pub mod relay;

// The proofs.
pub mod breaks;
pub mod files;
pub mod pipeline;
pub mod spreadsheet;

pub mod report;
