//! The settings as an operator sees them.

use std::fmt::{self, Display};

use super::{unknown::UnknownVariable, variable::Variable};

/// Every variable with its value, and the variables that are probably misspelt. `Display` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct SettingsReport {
    lines: Vec<String>,
    unknown: Vec<UnknownVariable>,
}

impl SettingsReport {
    pub(super) fn new<'a>(
        variables: impl Iterator<Item = (&'a Variable, Option<&'a str>)>,
        unknown: Vec<UnknownVariable>,
    ) -> Self {
        // A name with a placeholder, such as `SQS_<TYPE>_QUEUE_NAME`, is only for the reference page.
        let named = variables.filter(|(variable, _)| !variable.name.contains('<'));
        Self { lines: named.map(|(variable, value)| line(variable, value)).collect(), unknown }
    }

    /// Variables that are probably misspelt.
    pub fn unknown(&self) -> &[UnknownVariable] {
        &self.unknown
    }

    /// Warns of variables that are probably misspelt.
    pub fn warn(&self) {
        for variable in &self.unknown {
            log::warn!("{variable}");
        }
    }

    /// Shows the settings on standard output.
    pub fn print(&self) {
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), "{self}");
    }
}

impl Display for SettingsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

fn line(variable: &Variable, value: Option<&str>) -> String {
    let Variable { name, default, .. } = variable;
    match value {
        Some(_) if variable.is_secret() => format!("{name}=[REDACTED]"),
        Some(value) => format!("{name}={}", value.replace(char::is_control, "?")),
        None => match code(default) {
            Some((default, more)) => format!("{name}={default}  # the default{more}"),
            None if default == "(empty)" => format!("{name}=  # the default"),
            None => format!("{name}=  # not set ({})", default.replace('`', "")),
        },
    }
}

/// Splits a default such as `` `3145728` (3 MiB) `` after the value.
fn code(default: &str) -> Option<(&str, &str)> {
    default.strip_prefix('`')?.split_once('`')
}
