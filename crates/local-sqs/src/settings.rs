//! The settings of the queue server.

use std::path::PathBuf;

use service::settings::{Environment, ListenSettings, LogSettings};

/// The default of `PORT`.
pub const DEFAULT_PORT: u16 = 9324;

/// Only this machine, because the server believes whoever asks. In a container, where only others
/// ask, the image sets all addresses.
const DEFAULT_BIND_ADDRESS: &str = "127.0.0.1";

/// Where the server listens and where it keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// An IP address or a host name.
    pub bind_address: String,
    /// 0 takes any free port.
    pub port: u16,
    /// `None` keeps everything in memory.
    pub data_dir: Option<PathBuf>,
}

impl Settings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let ListenSettings { bind_address, port } =
            ListenSettings::read_with(environment, DEFAULT_BIND_ADDRESS, DEFAULT_PORT);
        let data_dir = environment.optional(
            "DATA_DIR",
            "none: everything is in memory and goes with the process",
            "a directory, created if it is missing",
            "The directory that keeps queues and messages, and a reserve of 48 MiB by which a full \
             disk can be drained.",
        );
        Settings { bind_address, port, data_dir: data_dir.map(PathBuf::from) }
    }

    /// The table of all variables for the reference page.
    pub fn reference() -> String {
        let mut environment = Environment::default();
        Self::read(&mut environment);
        LogSettings::read(&mut environment);
        environment.reference()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, service::settings::Faults> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let settings = Settings::read(&mut environment);
        environment.finish(settings)
    }

    #[test]
    fn unset_and_empty_variables_get_their_defaults() {
        let expected =
            Settings { bind_address: "127.0.0.1".to_owned(), port: 9324, data_dir: None };
        assert_eq!(read(&[]).unwrap(), expected);
        assert_eq!(
            read(&[("BIND_ADDRESS", ""), ("PORT", ""), ("DATA_DIR", "")]).unwrap(),
            expected
        );
    }

    #[test]
    fn variables_are_read() {
        let settings =
            read(&[("BIND_ADDRESS", "0.0.0.0"), ("PORT", "0"), ("DATA_DIR", "data")]).unwrap();
        let expected = Settings {
            bind_address: "0.0.0.0".to_owned(),
            port: 0,
            data_dir: Some(PathBuf::from("data")),
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn a_port_outside_the_range_is_a_fault() {
        for port in ["x", "-1", "65536"] {
            assert!(read(&[("PORT", port)]).is_err(), "{port:?}");
        }
    }

    #[test]
    fn the_reference_page_has_every_variable() {
        test_kit::reference::check("settings.md", "local-sqs", &Settings::reference());
    }
}
