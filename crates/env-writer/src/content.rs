//! The text of one `.env` file.
//!
//! Values are written as they are: no quotes, no escapes.
//! That is what `docker run --env-file` reads: everything behind the first `=`, to the end of the line.
//! Compose does not, unless it is told so:
//!
//! ```yaml
//! env_file:
//!   - path: .env
//!     format: raw # Compose 2.30 and later
//! ```
//!
//! Without `format: raw`, Compose v2 puts variables in the place of `$NAME` and `${NAME}`, takes quotes round a value away, cuts a value at ` #` and trims it; docker-compose 1.29 does so too, with `${NAME}` alone.
//! There is no quoting that all of these readers take back to the same value, so quoting here would trade one reader for another: `deploy/docker/env-files` refuses what Compose would alter.
//!
//! A file called `.env` beside the Compose file is also read by Compose itself, always in its own syntax, to fill in `${NAME}` in the Compose file.
//! A value with `$` can draw a warning from there, and one that starts with a quote an error that shows the value; `deploy/docker/compose` has it read another file.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

use crate::Host;
use crate::declaration::Declaration;
use crate::name::{Name, Pattern};
use crate::report::{Fault, Problem};
use crate::value::Value;

/// What one file gets. No `Debug`: these are secrets.
pub struct Content {
    /// `NAME=value`, required ones first, in the order of the JSON file; what fits a pattern in the order of its names.
    lines: String,
    /// The host variables that are in it.
    pub taken: Vec<String>,
    /// The host variables of its prefix that it has no name for.
    pub left: Vec<String>,
}

impl Content {
    /// Adds every fault it meets; a content that came with a fault has lines missing and must not be written.
    pub fn collect(
        config: &Path,
        declaration: &Declaration,
        host: &Host,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let mut content = Self { lines: String::new(), taken: Vec::new(), left: Vec::new() };
        let prefix = &declaration.host_env_var_prefix;
        let has_prefix = Name::parse(prefix).is_some();
        if !has_prefix {
            faults.push(Fault::in_file(config, Problem::NotAPrefix(prefix.clone())));
        }
        // What the host has for this file, by names without the prefix.
        let without_prefix = |host_name: &'_ String| {
            Some(host_name.strip_prefix(prefix)?.strip_prefix('_')?.to_owned())
        };
        // An empty one is as good as none.
        let set = host.iter().filter(|(_, value)| !value.is_empty());
        let mut offered: BTreeMap<String, &OsString> = set
            .filter_map(|(host_name, value)| Some((without_prefix(host_name)?, value)))
            .collect();

        let required = declaration.env_vars.required.iter().map(|name| (name, true));
        let optional = declaration.env_vars.optional.iter().map(|name| (name, false));
        let mut seen = HashSet::new();
        let mut repeated = HashSet::new();
        for (text, is_required) in required.chain(optional) {
            let pattern = Pattern::parse(text).filter(|_| !is_required);
            let names = match (Name::parse(text), pattern) {
                (Some(_), _) => vec![text.clone()],
                (None, Some(pattern)) => {
                    offered.keys().filter(|name| pattern.fits(name)).cloned().collect()
                }
                (None, None) => {
                    faults.push(Fault::in_file(config, Problem::NotAName(text.clone())));
                    continue;
                }
            };
            if !seen.insert(text) {
                if repeated.insert(text) {
                    faults.push(Fault::in_file(config, Problem::ListedTwice(text.clone())));
                }
                continue;
            }
            for name in names {
                let host_name = format!("{prefix}_{name}");
                match Value::from(offered.remove(&name).cloned()) {
                    Value::Text(value) => {
                        content.lines.push_str(&format!("{name}={value}\n"));
                        content.taken.push(host_name);
                    }
                    Value::Unset if is_required && has_prefix => {
                        faults.push(Fault::Unset { host_name, name })
                    }
                    Value::Unset => {}
                    Value::Unwritable(reason) => {
                        faults.push(Fault::in_file(config, Problem::Unwritable(host_name, reason)));
                    }
                }
            }
        }
        content.left = offered.into_keys().map(|name| format!("{prefix}_{name}")).collect();
        content
    }

    #[cfg(test)]
    pub fn from_lines(lines: &str) -> Self {
        Self { lines: lines.to_owned(), taken: Vec::new(), left: Vec::new() }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.lines.as_bytes()
    }
}
