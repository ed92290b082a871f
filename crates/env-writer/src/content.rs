//! The text of one `.env` file.
//!
//! Values are written unchanged, without quotes or escapes. `docker run --env-file` reads them that
//! way: everything after the first `=`, to the end of the line. Compose does so only with this
//! setting:
//!
//! ```yaml
//! env_file:
//!   - path: .env
//!     format: raw # Compose 2.30 and later
//! ```
//!
//! Without `format: raw`, Compose v2 replaces `$NAME` and `${NAME}` with variables, removes quotes
//! around a value, cuts a value at ` #` and trims it; docker-compose 1.29 does the same, but
//! replaces only `${NAME}`. No quoting gives the same value in all of these readers, so quoting
//! here would fix one reader and break another. Instead, `deploy/docker/env-files` refuses values
//! that Compose would change.
//!
//! Compose itself also reads a file called `.env` beside the Compose file, always in its own
//! syntax, to fill in `${NAME}` in the Compose file. A `$` in a value can then cause a warning, and
//! a quote at the start of a value an error that shows the value. `deploy/docker/compose` therefore
//! makes Compose read another file.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsString,
    path::Path,
};

use crate::{
    declaration::Declaration,
    host::Host,
    name::{Name, Pattern},
    report::{Fault, Problem},
    value::Value,
};

/// The content of one file. It has no `Debug`, because it holds secrets.
pub struct Content {
    /// `NAME=value` lines in the order of the JSON file, required names first; the names that match
    /// a pattern are sorted.
    lines: String,
    /// The host variables that are in the file.
    pub used: Vec<String>,
    /// The host variables with the file's prefix that the file does not list.
    pub unused: Vec<String>,
}

impl Content {
    /// Adds every fault it finds to `faults`. After a fault, lines are missing, and the content
    /// must not be written.
    pub fn collect(
        config: &Path,
        declaration: &Declaration,
        host: &Host,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let mut content = Self { lines: String::new(), used: Vec::new(), unused: Vec::new() };
        let prefix = &declaration.host_env_var_prefix;
        let has_prefix = Name::parse(prefix).is_some();
        if !has_prefix {
            faults.push(Fault::in_file(config, Problem::NotAPrefix(prefix.clone())));
        }
        let mut offered = select_by_prefix(host, prefix);
        let required = declaration.env_vars.required.iter().map(|name| (name, true));
        let optional = declaration.env_vars.optional.iter().map(|name| (name, false));
        let mut seen = HashSet::new();
        let mut repeated = HashSet::new();
        for (text, is_required) in required.chain(optional) {
            let Some(names) = expand(text, is_required, &offered) else {
                faults.push(Fault::in_file(config, Problem::NotAName(text.clone())));
                continue;
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
                        content.used.push(host_name);
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
        content.unused = offered.into_keys().map(|name| format!("{prefix}_{name}")).collect();
        content
    }

    #[cfg(test)]
    pub fn from_lines(lines: &str) -> Self {
        Self { lines: lines.to_owned(), used: Vec::new(), unused: Vec::new() }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.lines.as_bytes()
    }
}

/// The host variables with this prefix, by name without the prefix.
fn select_by_prefix<'a>(host: &'a Host, prefix: &str) -> BTreeMap<String, &'a OsString> {
    let without_prefix =
        |host_name: &str| Some(host_name.strip_prefix(prefix)?.strip_prefix('_')?.to_owned());
    // An empty variable is treated as missing.
    let set = host.iter().filter(|(_, value)| !value.is_empty());
    set.filter_map(|(host_name, value)| Some((without_prefix(host_name)?, value))).collect()
}

/// The names that an entry of the JSON file stands for: itself, or the host variables that match
/// its pattern. `None` if the entry is neither a name nor an optional pattern.
fn expand(
    text: &str,
    is_required: bool,
    offered: &BTreeMap<String, &OsString>,
) -> Option<Vec<String>> {
    if Name::parse(text).is_some() {
        return Some(vec![text.to_owned()]);
    }
    let pattern = Pattern::parse(text).filter(|_| !is_required)?;
    Some(offered.keys().filter(|name| pattern.matches(name)).cloned().collect())
}
