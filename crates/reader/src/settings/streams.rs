//! How many exports may be sent, and where large ones wait.

use std::{path::PathBuf, time::Duration};

use service::settings::{Environment, StopSettings};

/// How many exports may be sent, and where large ones wait.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    /// The most streams at the same time.
    pub streams: usize,
    /// Where XLSX files are made; `None` for the system's own place.
    pub temp_directory: Option<PathBuf>,
    /// The most bytes of all temporary files together.
    pub temp_bytes: u64,
    /// How long a stream may go on after a signal to stop.
    pub finish_within: Duration,
}

const GIB: usize = 1 << 30;
/// Between the end of the last stream and the end of the process.
const LEFT_FOR_THE_END: Duration = Duration::from_secs(8);

impl StreamSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment, stop: &StopSettings) -> Self {
        let temp_directory = environment.optional(
            "READER_TEMP_DIR",
            "the system's: `TMPDIR`, or `/tmp`",
            "a directory",
            "Where XLSX files are made before they are sent. They have no name there, and vanish with the process.",
        );
        Self {
            streams: environment.number(
                "READER_STREAMS",
                8,
                1..=1000,
                "How many exports may be sent at the same time; two of them to one client. Each needs up to 8 MiB.",
            ),
            temp_directory: temp_directory.map(PathBuf::from),
            temp_bytes: environment.bytes(
                "READER_TEMP_BYTES",
                2 * GIB,
                (1 << 20)..=(1024 * GIB),
                "The largest size of all XLSX files together that are being made or sent.",
            ) as u64,
            finish_within: stop.grace.saturating_sub(LEFT_FOR_THE_END),
        }
    }
}
