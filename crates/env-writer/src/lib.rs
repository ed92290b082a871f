//! Writes `.env` files from the host's prefixed environment variables.
//!
//! Invariants:
//! - no file is replaced before every file has been checked, so a faulty run leaves everything as it was;
//! - a file is replaced whole or not at all, and only its owner can read it;
//! - no message contains the value of a variable.

mod content;
mod declaration;
mod destination;
mod name;
mod report;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use content::Content;
use declaration::Declaration;
use destination::Destination;
use report::{Fault, Problem};

pub use report::Report;

/// The host's variables by their full names.
pub type Host = BTreeMap<String, OsString>;

/// Writes the `.env` file that each of the JSON files describes. Gives the host variables that have the prefix of a file
/// and are in none: somebody means something by them.
///
/// # Errors
///
/// All faults of all files together; then no file has been touched.
/// Only a rename that fails (a `file_path` that is a mount point, a failing disk) can leave some files replaced and others not; the report names the others.
pub fn write_env_files(configs: &[PathBuf], host: &Host) -> Result<BTreeSet<String>, Report> {
    let mut faults = Vec::new();
    let mut planned: Vec<Planned<'_>> = Vec::new();
    for config in configs {
        let Some(plan) = Planned::check(config, host, &mut faults) else {
            continue;
        };
        match planned.iter().find(|p| p.destination.is_same(&plan.destination)) {
            Some(other) => faults
                .push(Fault::in_file(config, Problem::SameDestination(other.config.to_owned()))),
            None => planned.push(plan),
        }
    }
    if !faults.is_empty() {
        return Err(Report(faults));
    }

    let taken: BTreeSet<&String> = planned.iter().flat_map(|plan| &plan.content.taken).collect();
    let left = planned.iter().flat_map(|plan| &plan.content.left);
    let left: BTreeSet<String> =
        left.filter(|host_name| !taken.contains(host_name)).cloned().collect();

    let mut staged = Vec::new();
    for Planned { config, content, destination } in planned {
        match destination.stage(&content) {
            Ok(file) => staged.push((config, file)),
            Err(problem) => faults.push(Fault::in_file(config, problem)),
        }
    }
    if !faults.is_empty() {
        return Err(Report(faults));
    }

    for (config, file) in staged {
        if let Err(problem) = file.replace() {
            faults.push(Fault::in_file(config, problem));
        }
    }
    if faults.is_empty() { Ok(left) } else { Err(Report(faults)) }
}

/// One file that could be written; complete only if checking it added no fault.
struct Planned<'a> {
    config: &'a Path,
    content: Content,
    destination: Destination,
}

impl<'a> Planned<'a> {
    /// Goes on after a fault wherever it can, so that one run shows all of them.
    fn check(config: &'a Path, host: &Host, faults: &mut Vec<Fault>) -> Option<Self> {
        let declaration = Declaration::read(config)
            .map_err(|problem| faults.push(Fault::in_file(config, problem)))
            .ok()?;
        let content = Content::collect(config, &declaration, host, faults);
        let destination = Destination::open(&declaration.file_path)
            .map_err(|problem| faults.push(Fault::in_file(config, problem)))
            .ok()?;
        Some(Self { config, content, destination })
    }
}
