//! Runs a service to its end, with the exit status that says how it went.

use std::{error::Error, io, process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

/// Blocking calls that are out when the service has ended are left behind after so long.
const LEAVE_BLOCKING_CALLS_AFTER: Duration = Duration::from_secs(1);

/// Runs `service` on a runtime of its own: 0 when it ended well, 1 with the reason in the log when it did not.
pub fn run_to_completion(service: impl Future<Output = io::Result<()>>) -> ExitCode {
    let outcome = Runtime::new().and_then(|runtime| {
        let outcome = runtime.block_on(service);
        runtime.shutdown_timeout(LEAVE_BLOCKING_CALLS_AFTER);
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("The service ends. error=\"{}\"", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with all that led to it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}
