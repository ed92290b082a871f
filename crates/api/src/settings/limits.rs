//! How much the intake accepts from its clients.

use std::time::Duration;

use service::settings::Environment;

/// How much the intake accepts from its clients.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// Limit on one body.
    pub body_bytes: usize,
    /// Limit on all bodies together that are being received or sent to SQS.
    pub bodies_in_flight_bytes: usize,
    /// How long the head of a request may take to arrive.
    pub header_time: Duration,
    /// How long the body of a request may take to arrive.
    pub body_time: Duration,
    /// A body that is slower than this for a while is given up. 0 if any rate will do.
    pub body_bytes_per_second: usize,
    /// How long a connection stays open for the next request.
    pub keep_alive: Duration,
    /// Maximum number of connections at the same time.
    pub connections: usize,
}

const MIB: usize = 1 << 20;
const MAX_BYTES: usize = 1 << 30;

impl LimitSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let settings = Self {
            body_bytes: environment.bytes(
                "MAX_BODY_BYTES",
                3 * MIB,
                1..=MAX_BYTES,
                "The largest request body. The default has room for a percent-encoded form of 1 MiB, the most that SQS accepts.",
            ),
            bodies_in_flight_bytes: environment.bytes(
                "BODIES_IN_FLIGHT_BYTES",
                64 * MIB,
                1..=64 * MAX_BYTES,
                "The largest size of all bodies together that are being received or sent to SQS. Bodies above 64 KiB may take three quarters of it; if there is no room, the one that arrives most slowly gets 503, and otherwise the new request does.",
            ),
            header_time: environment.seconds(
                "HEADER_TIMEOUT_SECONDS",
                10,
                1..=600,
                "How long the head of a request may take to arrive.",
            ),
            body_time: environment.seconds(
                "BODY_TIMEOUT_SECONDS",
                30,
                1..=600,
                "How long the body of a request may take to arrive.",
            ),
            body_bytes_per_second: environment.bytes(
                "BODY_MIN_BYTES_PER_SECOND",
                500,
                0..=MIB,
                "The lowest rate of a body: each 10 s must bring ten times this, or the request gets 408. 0 means no lowest rate.",
            ),
            keep_alive: environment.seconds(
                "KEEP_ALIVE_SECONDS",
                75,
                1..=3600,
                "How long a connection stays open for the next request. The default is longer than the 60 s of common load balancers.",
            ),
            connections: environment.number(
                "MAX_CONNECTIONS",
                10_000,
                1..=1_000_000,
                "How many connections may be open at the same time. More connections wait to be accepted.",
            ),
        };
        if settings.bodies_in_flight_bytes < settings.body_bytes {
            environment.fault("BODIES_IN_FLIGHT_BYTES", "must not be less than MAX_BODY_BYTES");
        }
        settings
    }
}
