//! Runs a service until it ends, with an exit status that says whether it ended well.

use std::{process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

/// Blocking calls that still run this long after the service has ended are abandoned.
const ABANDON_BLOCKING_CALLS_AFTER: Duration = Duration::from_secs(1);

/// Runs `service` on a runtime of its own: exit status 0 if it ended well, 1 with the error in the log if not.
pub fn run_to_completion(service: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let outcome = Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(service);
        runtime.shutdown_timeout(ABANDON_BLOCKING_CALLS_AFTER);
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With all its causes.
            let error = format!("{error:#}");
            log::error!(error; "The program ends.");
            ExitCode::FAILURE
        }
    }
}
