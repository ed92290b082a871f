//! How the intake sends to SQS.

use std::time::Duration;

use queue::SendPace;
use serde::Deserialize;
use service::settings::Environment;

#[derive(Default, Deserialize)]
struct Variables {
    sqs_send_timeout_seconds: Option<String>,
    sqs_send_linger_ms: Option<String>,
    sqs_sends_under_way: Option<String>,
}

/// - `SQS_SEND_TIMEOUT_SECONDS`: how long a request waits for SQS before it gets 503, 1–60 s; default 5.
/// - `SQS_SEND_LINGER_MS`: how long a batch that is not full waits while another is under way, 0–1000 ms; default 5.
/// - `SQS_SENDS_UNDER_WAY`: batch calls at the same time, 1–256; default 64.
pub fn read(environment: &mut Environment) -> SendPace {
    let v: Variables = environment.variables();
    let linger = environment.number("SQS_SEND_LINGER_MS", v.sqs_send_linger_ms, 5, 0..=1000);
    SendPace {
        within: environment.seconds(
            "SQS_SEND_TIMEOUT_SECONDS",
            v.sqs_send_timeout_seconds,
            5,
            1..=60,
        ),
        linger: Duration::from_millis(linger),
        calls_under_way: environment.number(
            "SQS_SENDS_UNDER_WAY",
            v.sqs_sends_under_way,
            64,
            1..=256,
        ),
    }
}
