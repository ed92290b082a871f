//! How the intake sends to SQS.

use queue::SendPace;
use service::settings::Environment;

/// Reads the variables.
pub fn read(environment: &mut Environment) -> SendPace {
    SendPace {
        linger: environment.milliseconds(
            "SQS_SEND_LINGER_MS",
            5,
            0..=1000,
            "How long a batch that is not full waits for more forms while another batch is being sent.",
        ),
        within: environment.seconds(
            "SQS_SEND_TIMEOUT_SECONDS",
            5,
            1..=60,
            "How long a request waits for SQS before it gets 503.",
        ),
        calls_in_flight: environment.number(
            "SQS_SENDS_UNDER_WAY",
            64,
            1..=256,
            "How many batches may be sent to SQS at the same time.",
        ),
    }
}
