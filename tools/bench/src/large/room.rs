//! Whether the disk has room for the tables, before they are made.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};

/// A row with its indexes, with some to spare.
const BYTES_PER_ROW: u64 = 480;
/// The index of all message ids, and its sorting.
const BYTES_PER_MESSAGE_ID: u64 = 130;
/// WAL, and the empty tables.
const BYTES_BESIDE: u64 = 4 << 30;
const BYTES_BESIDE_INDEX: u64 = 2 << 30;

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

/// Whether there is room for an index of the message ids of all rows.
pub fn is_enough_for_index(rows: u64) -> Result<bool> {
    Ok(free()? >= rows * BYTES_PER_MESSAGE_ID + BYTES_BESIDE_INDEX)
}

fn needed(rows: u64) -> u64 {
    rows * BYTES_PER_ROW + BYTES_BESIDE
}

/// Bytes that are free for PostgreSQL's directory.
fn free() -> Result<u64> {
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
