//! How long a service may take to stop.

use std::time::Duration;

use serde::Deserialize;

use super::Environment;

/// How long a service may take to stop.
#[derive(Clone, Debug)]
pub struct StopSettings {
    /// `SHUTDOWN_GRACE_SECONDS`: from the first signal to the end, 1–3600; default 28, which fits Kubernetes' 30.
    pub grace: Duration,
}

#[derive(Default, Deserialize)]
struct Variables {
    shutdown_grace_seconds: Option<String>,
}

impl StopSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let variables: Variables = environment.variables();
        Self {
            grace: environment.seconds(
                "SHUTDOWN_GRACE_SECONDS",
                variables.shutdown_grace_seconds,
                28,
                1..=3600,
            ),
        }
    }
}
