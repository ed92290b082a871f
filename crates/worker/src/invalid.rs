//! The operator's commands for messages that were set aside: list them and send them back.
//!
//! `kept` works on the table into which the workers take them. With `WORKER_KEEPS_INVALID=false`
//! they stay on the invalid queue: then `sweep` goes through it and keeps what it receives hidden
//! until the end, `look` notes the messages, `redrive` sends them back.

mod kept;

mod list;
mod redrive;

mod look;
mod sweep;

mod send;
mod table;
mod terminal;

use tokio_util::sync::CancellationToken;

use crate::{
    arguments::{ListArguments, RedriveArguments},
    settings::OperatorSettings,
};

/// Shows the invalid messages of a form type.
///
/// # Errors
/// The form type does not exist, the process was asked to stop, or the database or SQS failed.
pub async fn list(
    settings: &OperatorSettings,
    arguments: &ListArguments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    if settings.keeps_invalid {
        kept::list(settings, arguments, stop).await
    } else {
        list::list(settings, arguments, stop).await
    }
}

/// Sends the invalid messages of a form type back.
///
/// # Errors
/// As [`list()`], or some messages could not be sent.
pub async fn redrive(
    settings: &OperatorSettings,
    arguments: &RedriveArguments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    if settings.keeps_invalid {
        kept::redrive(settings, arguments, stop).await
    } else {
        redrive::redrive(settings, arguments, stop).await
    }
}
