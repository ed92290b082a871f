//! Settings from environment variables: read once, every fault reported together, no value ever shown.
//!
//! Load, then normalise, then validate: [`Environment::variables`] fills a struct of `Option<String>` through envy,
//! the readers below turn each text into its type, and [`Environment::finish`] says all that was wrong.

mod form_types;
mod listen;
mod log;
mod metrics;
mod sqs;
mod stopping;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt::{self, Display},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;
use serde::de::DeserializeOwned;

pub use self::{
    form_types::FormTypeSettings,
    listen::ListenSettings,
    log::{LogFormat, LogSettings},
    metrics::MetricsSettings,
    sqs::{QueuePairSettings, SqsSettings},
    stopping::StopSettings,
};

/// The environment of a process while settings are read from it, with the faults found so far.
pub struct Environment {
    variables: BTreeMap<String, String>,
    not_utf8: BTreeSet<String>,
    faults: Vec<String>,
}

impl Environment {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars_os())
    }

    /// An environment of the given variables; an empty one counts as unset.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        let mut environment =
            Self { variables: BTreeMap::new(), not_utf8: BTreeSet::new(), faults: Vec::new() };
        for (name, value) in pairs {
            let (name, value) = (name.into().to_string_lossy().into_owned(), value.into());
            match value.into_string() {
                // envy knows no case: `port` is not `PORT`.
                _ if name.bytes().any(|byte| byte.is_ascii_lowercase()) => {}
                Ok(value) if value.is_empty() => {}
                Ok(value) => _ = environment.variables.insert(name, value),
                Err(_) => _ = environment.not_utf8.insert(name),
            }
        }
        environment
    }

    /// Fills a struct whose fields are `Option<String>`, named like the variables in lower case.
    pub fn variables<T: DeserializeOwned + Default>(&mut self) -> T {
        let pairs = self.variables.iter().map(|(name, value)| (name.clone(), value.clone()));
        envy::from_iter(pairs).unwrap_or_else(|_| {
            self.fault("the environment", "cannot be read");
            T::default()
        })
    }

    /// Says that a variable is at fault; `what` must not hold its value.
    pub fn fault(&mut self, variable: &str, what: impl Display) {
        self.faults.push(format!("{variable} {what}"));
    }

    /// A text that must be there; empty where it is not, and a fault is noted.
    pub fn required(&mut self, variable: &str, value: Option<String>) -> String {
        let value = self.optional(variable, value);
        value.unwrap_or_else(|| {
            self.fault(variable, "is not set");
            String::new()
        })
    }

    /// A text that may be absent.
    pub fn optional(&mut self, variable: &str, value: Option<String>) -> Option<String> {
        if self.not_utf8.contains(variable) {
            self.fault(variable, "is not UTF-8");
        }
        value
    }

    /// The value of a variable whose name is only known when it is asked for.
    pub fn named(&mut self, variable: &str) -> Option<String> {
        let value = self.variables.get(variable).cloned();
        self.optional(variable, value)
    }

    /// Names with commas between, at least one and each once.
    pub fn names(&mut self, variable: &str, list: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if names.iter().any(|known| known == name) {
                self.fault(variable, format_args!("names {name} twice"));
            } else {
                names.push(name.to_owned());
            }
        }
        if names.is_empty() {
            self.fault(variable, "names nothing");
        }
        names
    }

    /// A secret that must be there.
    pub fn secret(&mut self, variable: &str, value: Option<String>) -> SecretString {
        self.required(variable, value).into()
    }

    /// A text with a default.
    pub fn text(&mut self, variable: &str, value: Option<String>, default: &str) -> String {
        self.optional(variable, value).unwrap_or_else(|| default.to_owned())
    }

    /// A whole number within a range, with a default.
    pub fn number<T>(
        &mut self,
        variable: &str,
        value: Option<String>,
        default: T,
        range: RangeInclusive<T>,
    ) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.optional(variable, value) else { return default };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.fault(
                    variable,
                    format_args!(
                        "must be a whole number from {} to {}",
                        range.start(),
                        range.end()
                    ),
                );
                default
            }
        }
    }

    /// Whole seconds within a range, with a default.
    pub fn seconds(
        &mut self,
        variable: &str,
        value: Option<String>,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_secs(self.number(variable, value, default, range))
    }

    /// `true` or `false`, with a default.
    pub fn flag(&mut self, variable: &str, value: Option<String>, default: bool) -> bool {
        match self.optional(variable, value).map(|text| text.trim().to_ascii_lowercase()).as_deref()
        {
            None => default,
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(_) => {
                self.fault(variable, "must be true or false");
                default
            }
        }
    }

    /// The settings that were read, if nothing was wrong with them.
    ///
    /// # Errors
    /// Every fault of every variable, none with a value.
    pub fn finish<T>(self, settings: T) -> Result<T, Faults> {
        if self.faults.is_empty() { Ok(settings) } else { Err(Faults(self.faults)) }
    }
}

/// All that is wrong with the environment, one line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl std::error::Error for Faults {}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The settings in the environment are not right:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
