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

use std::collections::HashSet;
use std::path::Path;

use crate::Host;
use crate::declaration::Declaration;
use crate::name::Name;
use crate::report::{Fault, Problem};
use crate::value::Value;

/// `NAME=value` lines, required ones first, in the order of the JSON file. No `Debug`: these are secrets.
pub struct Content(String);

impl Content {
    /// Adds every fault it meets; a content that came with a fault has lines missing and must not be written.
    pub fn collect(config: &Path, declaration: &Declaration, host: &Host<'_>, faults: &mut Vec<Fault>) -> Self {
        let prefix = Name::parse(&declaration.host_env_var_prefix);
        if prefix.is_none() {
            let prefix = declaration.host_env_var_prefix.clone();
            faults.push(Fault::in_file(config, Problem::NotAPrefix(prefix)));
        }

        let required = declaration.env_vars.required.iter().map(|name| (name, true));
        let optional = declaration.env_vars.optional.iter().map(|name| (name, false));
        let mut seen = HashSet::new();
        let mut repeated = HashSet::new();
        let mut lines = String::new();
        for (text, is_required) in required.chain(optional) {
            let Some(name) = Name::parse(text) else {
                faults.push(Fault::in_file(config, Problem::NotAName(text.clone())));
                continue;
            };
            if !seen.insert(name) {
                if repeated.insert(name) {
                    faults.push(Fault::in_file(config, Problem::ListedTwice(text.clone())));
                }
                continue;
            }
            let Some(prefix) = prefix else { continue };
            let host_name = format!("{prefix}_{name}");
            match Value::from(host(&host_name)) {
                Value::Text(value) => lines.push_str(&format!("{name}={value}\n")),
                Value::Unset if is_required => {
                    faults.push(Fault::Unset { host_name, name: text.clone() });
                }
                Value::Unset => {}
                Value::Unwritable(reason) => {
                    faults.push(Fault::in_file(config, Problem::Unwritable(host_name, reason)));
                }
            }
        }
        Self(lines)
    }

    #[cfg(test)]
    pub fn from_lines(lines: &str) -> Self {
        Self(lines.to_owned())
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
