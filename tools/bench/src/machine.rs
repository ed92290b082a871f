//! What the figures were measured on, without names and paths.

use std::{fs, process::Command, thread};

use crate::surroundings::Ground;

/// Facts about the machine and the programs: what, and how much or which.
///
/// # Errors
/// PostgreSQL does not answer.
pub fn facts(ground: &Ground) -> anyhow::Result<Vec<(&'static str, String)>> {
    let show = |name: &str| ground.ask_postgres(&format!("show {name}"));
    let durability = ["fsync", "synchronous_commit", "full_page_writes", "wal_level"];
    let durability: anyhow::Result<Vec<String>> =
        durability.iter().map(|name| Ok(format!("{name} {}", show(name)?))).collect();
    Ok(vec![
        ("commit", commit()),
        ("cores", thread::available_parallelism().map_or(0, usize::from).to_string()),
        ("processor", line("/proc/cpuinfo", "model name")),
        ("memory", memory()),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        (
            "load average before",
            read("/proc/loadavg").split(' ').take(2).collect::<Vec<_>>().join(", "),
        ),
        ("PostgreSQL", format!("{}, {}", show("server_version")?, durability?.join(", "))),
        ("rustc", said("rustc", &["--version"])),
    ])
}

fn commit() -> String {
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed = said(
        "git",
        &["status", "--porcelain", "--untracked-files=no", "--", "crates", "migrations"],
    );
    if changed.is_empty() { commit } else { format!("{commit} with changes") }
}

fn memory() -> String {
    let line = line("/proc/meminfo", "MemTotal");
    let kib: f64 =
        line.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default();
    format!("{:.0} GiB", kib / f64::from(1 << 20))
}

fn line(path: &str, name: &str) -> String {
    let text = read(path);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or(String::new(), |(_, value)| value.trim().to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
