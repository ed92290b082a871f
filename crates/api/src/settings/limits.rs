//! What the intake takes from its clients at the most.

use std::time::Duration;

use serde::Deserialize;
use service::settings::Environment;

/// What the intake takes from its clients at the most.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// `MAX_BODY_BYTES`: bytes of one request body; default 3 MiB, which SQS's 1 MiB takes when it is percent-encoded.
    pub body_bytes: usize,
    /// `BODIES_IN_FLIGHT_BYTES`: bytes of all bodies that are being received or sent on; default 64 MiB.
    pub bodies_in_flight_bytes: usize,
    /// `HEADER_TIMEOUT_SECONDS`: how long a request's head may take to arrive, 1–600 s; default 10.
    pub header_time: Duration,
    /// `BODY_TIMEOUT_SECONDS`: how long a request's body may take to arrive, 1–600 s; default 30.
    pub body_time: Duration,
    /// `KEEP_ALIVE_SECONDS`: how long a connection is kept for the next request, 1–3600 s;
    /// default 75, longer than the 60 s of common load balancers.
    pub keep_alive: Duration,
    /// `MAX_CONNECTIONS`: connections at the same time; default 10000. More wait to be accepted.
    pub connections: usize,
}

#[derive(Default, Deserialize)]
struct Variables {
    max_body_bytes: Option<String>,
    bodies_in_flight_bytes: Option<String>,
    header_timeout_seconds: Option<String>,
    body_timeout_seconds: Option<String>,
    keep_alive_seconds: Option<String>,
    max_connections: Option<String>,
}

const MIB: usize = 1 << 20;
const MAX_BYTES: usize = 1 << 30;

impl LimitSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let v: Variables = environment.variables();
        let settings = Self {
            body_bytes: environment.number(
                "MAX_BODY_BYTES",
                v.max_body_bytes,
                3 * MIB,
                1..=MAX_BYTES,
            ),
            bodies_in_flight_bytes: environment.number(
                "BODIES_IN_FLIGHT_BYTES",
                v.bodies_in_flight_bytes,
                64 * MIB,
                1..=64 * MAX_BYTES,
            ),
            header_time: environment.seconds(
                "HEADER_TIMEOUT_SECONDS",
                v.header_timeout_seconds,
                10,
                1..=600,
            ),
            body_time: environment.seconds(
                "BODY_TIMEOUT_SECONDS",
                v.body_timeout_seconds,
                30,
                1..=600,
            ),
            keep_alive: environment.seconds(
                "KEEP_ALIVE_SECONDS",
                v.keep_alive_seconds,
                75,
                1..=3600,
            ),
            connections: environment.number(
                "MAX_CONNECTIONS",
                v.max_connections,
                10_000,
                1..=1_000_000,
            ),
        };
        if settings.bodies_in_flight_bytes < settings.body_bytes {
            environment.fault("BODIES_IN_FLIGHT_BYTES", "must not be less than MAX_BODY_BYTES");
        }
        settings
    }
}
