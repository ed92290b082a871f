//! Where a service listens.

use super::environment::Environment;

/// Where a service listens.
#[derive(Clone, Debug)]
pub struct ListenSettings {
    /// An IP address or a host name.
    pub bind_address: String,
    /// 0 takes any free port.
    pub port: u16,
}

impl ListenSettings {
    /// Reads the variables; `port` is the service's default.
    pub fn read(environment: &mut Environment, port: u16) -> Self {
        Self::read_with(environment, "0.0.0.0", port)
    }

    /// [`ListenSettings::read`] with a default for the address, too.
    pub fn read_with(environment: &mut Environment, bind_address: &str, port: u16) -> Self {
        Self {
            bind_address: environment.text(
                "BIND_ADDRESS",
                bind_address,
                "an IP address or a host name",
                "The address the service listens on.",
            ),
            port: environment.number(
                "PORT",
                port,
                0..=u16::MAX,
                "The port the service listens on; 0 takes any free port.",
            ),
        }
    }
}
