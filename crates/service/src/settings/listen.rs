//! Where a service listens.

use serde::Deserialize;

use super::Environment;

/// Where a service listens.
#[derive(Clone, Debug)]
pub struct ListenSettings {
    /// `BIND_ADDRESS`: an IP address or a host name; default `0.0.0.0`.
    pub bind_address: String,
    /// `PORT`: 0 takes any free one; the default differs by service.
    pub port: u16,
}

#[derive(Default, Deserialize)]
struct Variables {
    bind_address: Option<String>,
    port: Option<String>,
}

impl ListenSettings {
    /// Reads the variables; `port` is the service's default.
    pub fn read(environment: &mut Environment, port: u16) -> Self {
        let variables: Variables = environment.variables();
        Self {
            bind_address: environment.text("BIND_ADDRESS", variables.bind_address, "0.0.0.0"),
            port: environment.number("PORT", variables.port, port, 0..=u16::MAX),
        }
    }
}
