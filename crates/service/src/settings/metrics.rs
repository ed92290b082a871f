//! Where metrics are served.

use std::net::SocketAddr;

use serde::Deserialize;

use super::Environment;

/// Where metrics are served.
#[derive(Clone, Copy, Debug)]
pub struct MetricsSettings {
    /// `METRICS_ADDRESS`: IP address and port of `/metrics`, such as `0.0.0.0:9090`; default none, and nothing is counted.
    pub address: Option<SocketAddr>,
}

#[derive(Default, Deserialize)]
struct Variables {
    metrics_address: Option<String>,
}

impl MetricsSettings {
    /// Reads the variable.
    pub fn read(environment: &mut Environment) -> Self {
        let variables: Variables = environment.variables();
        let text = environment.optional("METRICS_ADDRESS", variables.metrics_address);
        let address = text.as_deref().map(str::parse);
        if matches!(address, Some(Err(_))) {
            environment
                .fault("METRICS_ADDRESS", "must be an IP address and a port, such as 0.0.0.0:9090");
        }
        Self { address: address.and_then(Result::ok) }
    }
}
