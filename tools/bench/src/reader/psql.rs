//! What the same work takes without the reader, as psql reports it (`\timing`): without its start and its connection.

use std::{fs, io::Write as _};

use anyhow::{Context, Result, ensure};
use test_kit::postgres::{sql, sql_file};

use crate::intake::median;

/// All rows of a relation after an id, in their order.
pub fn rows_after(relation: &str, after: i64) -> String {
    format!("select * from {relation} where id > {after} order by id")
}

/// How long psql takes for a statement whose result it throws away, in ms: the median of so many times in one session,
/// after one that does not count.
pub fn milliseconds(url: &str, statement: &str, times: usize) -> Result<f64> {
    let all = timings(url, statement, times + 1)?;
    Ok(median(all.get(1..).unwrap_or_default().to_vec()))
}

/// How long psql takes for a statement, once, in s.
pub fn seconds(url: &str, statement: &str) -> Result<f64> {
    let all = timings(url, statement, 1)?;
    Ok(all.first().context("psql shows no time")? / 1000.0)
}

/// A number that a query answers with.
pub fn number(url: &str, query: &str) -> Result<i64> {
    sql(url, query)?.parse().with_context(|| format!("{query}: no number"))
}

fn timings(url: &str, statement: &str, times: usize) -> Result<Vec<f64>> {
    let mut script = tempfile::NamedTempFile::new()?;
    writeln!(script, "\\o /dev/null\n\\timing on")?;
    for _ in 0..times {
        writeln!(script, "{statement};")?;
    }
    let path = fs::canonicalize(script.path())?;
    let output = sql_file(url, &path.to_string_lossy())?;
    let shown = output.lines().filter_map(|line| line.strip_prefix("Time: "));
    let all: Vec<f64> =
        shown.filter_map(|line| line.split(' ').next()?.replace(',', "").parse().ok()).collect();
    ensure!(all.len() == times, "psql shows {} times instead of {times}", all.len());
    Ok(all)
}
