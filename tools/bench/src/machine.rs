//! What the figures were measured on, without host names and paths.

use std::{fs, process::Command, thread};

use anyhow::Result;

use crate::lab::Lab;

pub struct Fact {
    pub name: &'static str,
    pub value: String,
}

pub fn facts(lab: &Lab) -> Result<Vec<Fact>> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg").split(' ').take(2).collect::<Vec<_>>().join(", ");
    let facts = [
        ("commit", commit()),
        ("cores", cores.to_string()),
        ("processor", proc_value("/proc/cpuinfo", "model name")),
        ("memory", memory()),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("load average before", load),
        ("PostgreSQL", postgres(lab)?),
        ("rustc", output("rustc", &["--version"])),
    ];
    Ok(facts.map(|(name, value)| Fact { name, value }).into())
}

fn postgres(lab: &Lab) -> Result<String> {
    let show = |name: &str| lab.ask_postgres(&format!("show {name}"));
    let mut text = show("server_version")?;
    for name in ["fsync", "synchronous_commit", "full_page_writes", "wal_level"] {
        text.push_str(&format!(", {name} {}", show(name)?));
    }
    Ok(text)
}

fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changed = output("git", &[&status[..], &["crates", "tools", "migrations"]].concat());
    if changed.is_empty() { commit } else { format!("{commit} with changes") }
}

fn memory() -> String {
    let value = proc_value("/proc/meminfo", "MemTotal");
    let kib = value.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0);
    format!("{:.0} GiB", kib / f64::from(1 << 20))
}

fn proc_value(path: &str, name: &str) -> String {
    let text = read(path);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or(String::new(), |(_, value)| value.trim().to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
