//! How much the reader accepts from its clients.

use std::{num::NonZeroU32, time::Duration};

use service::settings::Environment;

/// How much the reader accepts from its clients.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// How long the head of a request may take to arrive.
    pub header_time: Duration,
    /// How long a connection stays open for the next request.
    pub keep_alive: Duration,
    /// Maximum number of connections at the same time.
    pub connections: usize,
    /// Requests that one client may send.
    pub requests_per_minute: NonZeroU32,
}

const REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(3000).unwrap();
const MOST_PER_MINUTE: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();

impl LimitSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        Self {
            header_time: environment.seconds(
                "HEADER_TIMEOUT_SECONDS",
                10,
                1..=600,
                "How long the head of a request may take to arrive.",
            ),
            keep_alive: environment.seconds(
                "KEEP_ALIVE_SECONDS",
                75,
                1..=3600,
                "How long a connection stays open for the next request. The default is longer than the 60 s of common load balancers.",
            ),
            connections: environment.number(
                "MAX_CONNECTIONS",
                1000,
                1..=1_000_000,
                "How many connections may be open at the same time. More connections wait to be accepted.",
            ),
            requests_per_minute: environment.number(
                "READER_REQUESTS_PER_MINUTE",
                REQUESTS_PER_MINUTE,
                NonZeroU32::MIN..=MOST_PER_MINUTE,
                "How many requests one client may send to this instance; a third of them may come at once. More get 429.",
            ),
        }
    }
}
