//! Logs: one line an event, on standard error, by env_logger, as text or as JSON.

mod json;

use std::io::{self, Write};

use env_logger::{Builder, Target, fmt::Formatter};
use log::{Level, Record};

use crate::settings::{LogFormat, LogSettings};

/// The crates of this workspace, which never log form data.
const OURS: [&str; 8] = ["api", "domain", "local_sqs", "process", "queue", "store", "worker", "panic"];

/// Starts logging. Panics are logged too, without their payload, which might quote input.
pub fn start(settings: &LogSettings) {
    let format = match settings.format {
        LogFormat::Text => text,
        LogFormat::Json => json,
    };
    Builder::new()
        .parse_filters(&settings.directives)
        .target(Target::Stderr)
        .format(move |buffer, record| if may_be_shown(record) { format(buffer, record) } else { Ok(()) })
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        log::error!(target: "panic", "A task panicked, which is a fault of the program. place={place}");
    }));
}

fn text(buffer: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = buffer.timestamp_millis();
    writeln!(buffer, "{time} {:5} {}: {}", record.level(), record.target(), record.args())
}

fn json(buffer: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = buffer.timestamp_millis().to_string();
    writeln!(buffer, "{}", json::line(&time, record))
}

/// Libraries log requests and bodies at their lower levels, and `RUST_LOG=trace` must not show form data.
fn may_be_shown(record: &Record<'_>) -> bool {
    let root = record.target().split("::").next().unwrap_or_default();
    OURS.contains(&root) || record.level() <= Level::Warn
}
