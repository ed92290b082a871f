//! What the server is told from outside.

use std::path::PathBuf;

/// Where the server listens and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `BIND_ADDRESS`: the address to listen on. Default `0.0.0.0`.
    pub bind_address: String,
    /// `PORT`: the port to listen on, 0 for any that is free. Default 9324.
    pub port: u16,
    /// `DATA_DIR`: the directory that keeps queues and messages, created where it is missing. Default none: everything
    /// is in memory and goes with the process.
    pub data_dir: Option<PathBuf>,
}

/// A variable that cannot be used. Its value is not shown.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// `PORT` is not a number from 0 to 65535.
    #[error("PORT must be a number from 0 to 65535")]
    Port,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { bind_address: "0.0.0.0".to_owned(), port: 9324, data_dir: None }
    }
}

impl Settings {
    /// Reads settings from variables by name; empty means unset, others are ignored.
    ///
    /// # Errors
    /// Where a value is not of its kind.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingsError> {
        let mut settings = Settings::default();
        for (name, value) in vars.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "BIND_ADDRESS" => settings.bind_address = value,
                "PORT" => settings.port = value.parse().map_err(|_| SettingsError::Port)?,
                "DATA_DIR" => settings.data_dir = Some(value.into()),
                _ => {}
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_that_are_unset_or_empty_have_their_defaults() {
        assert_eq!(read(&[]).unwrap(), Settings::default());
        assert_eq!(read(&[("BIND_ADDRESS", ""), ("PORT", ""), ("DATA_DIR", "")]).unwrap(), Settings::default());
    }

    #[test]
    fn variables_are_read() {
        let settings = read(&[("BIND_ADDRESS", "127.0.0.1"), ("PORT", "0"), ("DATA_DIR", "data")]).unwrap();
        let expected =
            Settings { bind_address: "127.0.0.1".to_owned(), port: 0, data_dir: Some(PathBuf::from("data")) };
        assert_eq!(settings, expected);
    }

    #[test]
    fn a_port_that_is_no_port_is_refused() {
        for port in ["x", "-1", "65536", " 80"] {
            assert_eq!(read(&[("PORT", port)]), Err(SettingsError::Port), "{port:?}");
        }
    }
}
