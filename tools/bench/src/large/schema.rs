//! Whether two databases have the same schema.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The schema, as SQL.
pub fn dump(database: &str) -> Result<String> {
    let output = Command::new("pg_dump").args(["--schema-only", "--dbname", database]).output();
    let output = output.context("cannot run pg_dump")?;
    ensure!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A random key, and the first id, which is higher if there were rows.
    let lines =
        text.lines().filter(|line| !line.contains("restrict ") && !line.contains("START WITH"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Fails with the lines that differ.
pub fn ensure_same(when: &str, left: &str, right: &str) -> Result<()> {
    let only = |one: &str, other: &str| -> Vec<String> {
        let lines = one.lines().filter(|line| !other.lines().any(|same| same == *line));
        lines.map(str::to_owned).collect()
    };
    ensure!(
        left == right,
        "the schemas differ {when}: one has {:#?}, the other has {:#?}",
        only(left, right),
        only(right, left)
    );
    Ok(())
}
