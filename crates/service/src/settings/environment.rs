//! The environment of a process, with the faults that were found in it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::{self, Display},
};

use super::{report::SettingsReport, unknown, variable::Variable};

/// The environment of a process while settings are read from it, with the faults found so far.
#[derive(Default)]
pub struct Environment {
    values: BTreeMap<OsString, OsString>,
    known: Vec<Variable>,
    faults: Vec<String>,
}

impl Environment {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars_os())
    }

    /// An environment of the given variables. An empty value counts as unset, and `port` is not `PORT`.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        let values = pairs.filter(|(_, value)| !value.is_empty()).collect();
        Self { values, ..Self::default() }
    }

    /// Records a variable that the service knows, whether it is set or not.
    pub fn declare(&mut self, variable: Variable) {
        if !self.known.iter().any(|known| known.name == variable.name) {
            self.known.push(variable);
        }
    }

    /// Every variable that was declared or read so far, in that order.
    pub fn known(&self) -> &[Variable] {
        &self.known
    }

    /// A table in Markdown with every variable that the service knows, for the reference page.
    pub fn reference(&self) -> String {
        let mut table = "| variable | values | default | meaning |\n|---|---|---|---|\n".to_owned();
        for Variable { name, default, values, meaning } in self.known() {
            table += &format!("| `{name}` | {values} | {default} | {meaning} |\n");
        }
        table
    }

    /// Every variable that was declared or read so far with its value, and those that are probably misspelt.
    pub fn report(&self) -> SettingsReport {
        let value = |name: &str| self.values.get(OsString::from(name).as_os_str())?.to_str();
        let names = self.values.keys().filter_map(|name| name.to_str());
        let known = self.known.iter().map(|variable| variable.name.as_str());
        let unknown = unknown::unknown(names, known);
        let variables = self.known.iter().map(|variable| (variable, value(&variable.name)));
        SettingsReport::new(variables, unknown)
    }

    /// The value of a variable that was declared, `None` if it is not set. A value that is not UTF-8 is a fault.
    pub fn value(&mut self, name: &str) -> Option<String> {
        let value = self.values.get(OsString::from(name).as_os_str())?.to_str().map(str::to_owned);
        if value.is_none() {
            self.fault(name, "is not UTF-8");
        }
        value
    }

    /// Records a fault of a variable. `what` must not contain the value.
    pub fn fault(&mut self, name: &str, what: impl Display) {
        self.faults.push(format!("{name} {what}"));
    }

    /// The settings that were read, if nothing was wrong with them.
    ///
    /// # Errors
    /// Every fault of every variable, none with a value.
    pub fn finish<T>(self, settings: T) -> Result<T, Faults> {
        if self.faults.is_empty() { Ok(settings) } else { Err(Faults(self.faults)) }
    }
}

/// Everything that is wrong with the environment, one line per fault.
#[derive(Debug, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl std::error::Error for Faults {}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The settings in the environment are not right:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
