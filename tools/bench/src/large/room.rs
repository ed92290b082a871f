//! Whether the disk has room for the tables, before they are made.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};

/// A row with its indexes, with some to spare.
const BYTES_PER_ROW: u64 = 480;
/// The other index of message ids.
pub const BYTES_PER_MESSAGE_ID: u64 = 65;
/// WAL, and the empty tables.
pub const BYTES_BESIDE: u64 = 4 << 30;

/// Fails if there is no room for a table of this many rows.
pub fn check(rows: u64) -> Result<()> {
    let (free, needed) = (free()?, needed(rows));
    let directory = env::temp_dir();
    ensure!(
        free >= needed,
        "{rows} rows need {} in {}, which has {}. Make room, set TMPDIR, or measure fewer rows with ROWS=",
        size(needed),
        directory.display(),
        size(free)
    );
    Ok(())
}

pub fn needed(rows: u64) -> u64 {
    rows * BYTES_PER_ROW + BYTES_BESIDE
}

/// Bytes that are free for PostgreSQL's directory.
pub fn free() -> Result<u64> {
    let directory = env::temp_dir();
    let output = Command::new("df").arg("-Pk").arg(&directory).output().context("cannot run df")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let kib =
        text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("df does not say how much is free: {text}"))? * 1024)
}

/// In words.
pub fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}
