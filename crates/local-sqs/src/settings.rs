//! What the server is told from outside.

use std::path::PathBuf;

use serde::Deserialize;
use service::settings::{Environment, ListenSettings};

/// Of `PORT`.
pub const DEFAULT_PORT: u16 = 9324;

/// Where the server listens and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `BIND_ADDRESS`: an IP address or a host name; default `0.0.0.0`.
    pub bind_address: String,
    /// `PORT`: 0 takes any free one; default 9324.
    pub port: u16,
    /// `DATA_DIR`: the directory that keeps queues and messages, created where it is missing; default none: everything
    /// is in memory and goes with the process.
    pub data_dir: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
struct Variables {
    data_dir: Option<String>,
}

impl Settings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let ListenSettings { bind_address, port, .. } =
            ListenSettings::read(environment, DEFAULT_PORT);
        let variables: Variables = environment.variables();
        let data_dir = environment.optional("DATA_DIR", variables.data_dir).map(PathBuf::from);
        Settings { bind_address, port, data_dir }
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
    fn variables_that_are_unset_or_empty_have_their_defaults() {
        let expected = Settings { bind_address: "0.0.0.0".to_owned(), port: 9324, data_dir: None };
        assert_eq!(read(&[]).unwrap(), expected);
        assert_eq!(
            read(&[("BIND_ADDRESS", ""), ("PORT", ""), ("DATA_DIR", "")]).unwrap(),
            expected
        );
    }

    #[test]
    fn variables_are_read() {
        let settings =
            read(&[("BIND_ADDRESS", "127.0.0.1"), ("PORT", "0"), ("DATA_DIR", "data")]).unwrap();
        let expected = Settings {
            bind_address: "127.0.0.1".to_owned(),
            port: 0,
            data_dir: Some(PathBuf::from("data")),
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn a_port_that_is_no_port_is_a_fault() {
        for port in ["x", "-1", "65536"] {
            assert!(read(&[("PORT", port)]).is_err(), "{port:?}");
        }
    }
}
