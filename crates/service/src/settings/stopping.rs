//! How long a service may take to stop.

use std::time::Duration;

use super::environment::Environment;

/// How long a service may take to stop.
#[derive(Clone, Debug)]
pub struct StopSettings {
    /// From the first signal to the exit.
    pub grace: Duration,
}

impl StopSettings {
    /// Reads the variable.
    pub fn read(environment: &mut Environment) -> Self {
        Self {
            grace: environment.seconds(
                "SHUTDOWN_GRACE_SECONDS",
                28,
                1..=3600,
                "How long the service may take to stop after the first signal. The default fits the 30 s of Kubernetes.",
            ),
        }
    }
}
