//! Where metrics are served.

use std::net::SocketAddr;

use super::environment::Environment;

/// Where metrics are served.
#[derive(Clone, Copy, Debug)]
pub struct MetricsSettings {
    /// Without an address nothing is counted.
    pub address: Option<SocketAddr>,
}

impl MetricsSettings {
    /// Reads the variable.
    pub fn read(environment: &mut Environment) -> Self {
        let address = environment.parsed(
            "METRICS_ADDRESS",
            "none: nothing is counted",
            "an IP address and a port, such as 0.0.0.0:9090",
            "Where `/metrics` is served.",
            |text| text.parse().ok(),
        );
        Self { address }
    }
}
