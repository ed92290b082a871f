//! Writes `.env` files from the host's prefixed environment variables.
//!
//! Invariants:
//! - No file is replaced before every file has been checked, so a failed run leaves every file
//!   unchanged.
//! - A file is replaced completely or not at all, and only its owner can read it.
//! - No message contains the value of a variable.

mod content;
mod declaration;
mod destination;
mod host;
mod name;
mod report;
mod value;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use content::Content;
use declaration::Declaration;
use destination::Destination;
use report::{Fault, Problem};

pub use host::Host;
pub use report::Report;

/// Writes the `.env` file that each JSON file describes. Returns the host variables that have the
/// prefix of a file but are in no file: someone set them for a reason.
///
/// # Errors
///
/// All faults of all files together. In that case no file has been changed, with one exception: a
/// rename that fails (because `file_path` is a mount point, or the disk is failing) can leave some
/// files replaced and others not; the report names the others.
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

    let used: BTreeSet<&String> = planned.iter().flat_map(|plan| &plan.content.used).collect();
    let unused = planned.iter().flat_map(|plan| &plan.content.unused);
    let unused: BTreeSet<String> =
        unused.filter(|host_name| !used.contains(host_name)).cloned().collect();

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
    if faults.is_empty() { Ok(unused) } else { Err(Report(faults)) }
}

/// One file that could be written. It is complete only if the check added no fault.
struct Planned<'a> {
    config: &'a Path,
    content: Content,
    destination: Destination,
}

impl<'a> Planned<'a> {
    /// Continues after a fault if possible, so that one run shows all of them.
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
