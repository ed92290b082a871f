//! The memory that this process takes.

use std::fs;

/// Resident bytes, as Linux counts them. `None` on other systems.
pub(crate) fn resident_bytes() -> Option<u64> {
    // Unlike /proc/self/statm, this file does not count in pages, whose size differs between machines.
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}
