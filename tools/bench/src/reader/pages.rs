//! Pages, beside the same page by psql, and the ways users have without the reader.

use std::{
    fs,
    net::SocketAddr,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use test_kit::Service;

use super::{
    http::Client,
    psql,
    system::{CLIENTS, PATH, RELATION, System},
};
use crate::intake::{median, quantile};

/// Rows of a page: the default.
const ROWS: u64 = 1000;
/// Blocks of the reader and of psql in turn, and how often each does the same in a block.
const BLOCKS: usize = 5;
const IN_BLOCK: usize = 8;
const UNCHANGED: usize = 300;
const FILTERED: usize = 5;
/// Such a page has the same bytes as that of psql, except for a few around the rows.
const RECORDS: &str = "orientation=records";
const NO_MATCH: &str = "company_number=eq.none";

/// Milliseconds.
#[derive(Default)]
pub struct Pages {
    /// By psql, with `json_agg`.
    pub psql: f64,
    /// Each row as a list.
    pub tabular: f64,
    pub first: f64,
    pub last: f64,
    pub eight_p50: f64,
    pub eight_p99: f64,
    pub no_match: f64,
    pub unchanged_p50: f64,
    pub unchanged_p99: f64,
    /// By psycopg, page by page; `None` if it is not installed.
    pub psycopg: Option<f64>,
    pub peak_mib: f64,
}

pub fn measure(system: &System) -> Result<Pages> {
    let reader = system.reader(&[]);
    let mut client = system.client(&reader)?;
    let path = format!("{PATH}?{RECORDS}");
    let last_path = format!("{path}&after={}", system.before_last(ROWS)?);
    let aggregated = |after| {
        format!(
            "select json_agg(page) from ({} limit {ROWS}) page",
            psql::rows_after(RELATION, after)
        )
    };
    let mut all = Times::default();
    // The first requests meet cold caches and connections that are not open yet.
    for path in [&path, &last_path] {
        get(&mut client, path, 3)?;
    }
    for _ in 0..BLOCKS {
        all.psql.push(psql::milliseconds(&system.database, &aggregated(0), IN_BLOCK)?);
        all.first.extend(get(&mut client, &path, IN_BLOCK)?);
        all.last.extend(get(&mut client, &last_path, IN_BLOCK)?);
        all.tabular.extend(get(&mut client, PATH, IN_BLOCK)?);
    }
    let no_match = median(get(&mut client, &format!("{PATH}?{NO_MATCH}"), FILTERED)?);
    let unchanged = unchanged(&mut client, &path)?;
    let eight = by_eight(system, &reader)?;
    let first = median(all.first);
    Ok(Pages {
        psql: median(all.psql),
        tabular: median(all.tabular),
        first,
        last: median(all.last),
        eight_p50: quantile(&eight, 0.5).unwrap_or_default(),
        eight_p99: quantile(&eight, 0.99).unwrap_or_default(),
        no_match,
        unchanged_p50: quantile(&unchanged, 0.5).unwrap_or_default(),
        unchanged_p99: quantile(&unchanged, 0.99).unwrap_or_default(),
        psycopg: psycopg(system)?,
        peak_mib: crate::memory::peak(reader.pid()),
    })
}

#[derive(Default)]
struct Times {
    psql: Vec<f64>,
    first: Vec<f64>,
    last: Vec<f64>,
    tabular: Vec<f64>,
}

fn get(client: &mut Client, path: &str, times: usize) -> Result<Vec<f64>> {
    (0..times)
        .map(|_| {
            let started = Instant::now();
            client.get(path, &[])?;
            Ok(milliseconds(started.elapsed()))
        })
        .collect()
}

/// Asks again for a page that the client has.
fn unchanged(client: &mut Client, path: &str) -> Result<Vec<f64>> {
    let tag = client.get(path, &[])?.etag.context("a page without an ETag")?;
    let mut times = Vec::new();
    for _ in 0..UNCHANGED {
        let started = Instant::now();
        let head = client.get(path, &[("If-None-Match", &tag)])?;
        anyhow::ensure!(head.status == 304, "{} instead of 304", head.status);
        times.push(milliseconds(started.elapsed()));
    }
    Ok(times)
}

/// Eight clients follow the relation from eight places.
fn by_eight(system: &System, reader: &Service) -> Result<Vec<f64>> {
    let during = system.lab.seconds(10.0);
    let rows = system.number(&format!("select count(*) from {RELATION}"))? as u64;
    let place = |n: u64| system.before_last((rows * n / CLIENTS as u64).saturating_sub(1));
    let starts: Result<Vec<i64>> = (1..=CLIENTS as u64).map(place).collect();
    let threads: Vec<_> = starts?
        .into_iter()
        .zip(system.keys.iter().cloned())
        .map(|(start, key)| {
            let address = reader.address();
            thread::spawn(move || follow(address, &key, start, during))
        })
        .collect();
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().expect("a client does not panic")?);
    }
    Ok(all)
}

fn follow(address: SocketAddr, key: &str, start: i64, during: Duration) -> Result<Vec<f64>> {
    let mut client = Client::connect(address, key)?;
    let (begun, mut after, mut times) = (Instant::now(), start, Vec::new());
    while begun.elapsed() < during {
        let started = Instant::now();
        client.get(&format!("{PATH}?{RECORDS}&after={after}"), &[])?;
        times.push(milliseconds(started.elapsed()));
        after = client.next_after()?.unwrap_or(start);
    }
    Ok(times)
}

/// How a script reads page by page today.
const SCRIPT: &str = r#"
import os, sys, time
try:
    import psycopg
except ImportError:
    try:
        import psycopg2 as psycopg
    except ImportError:
        sys.exit(3)
relation, rows, pages = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
connection = psycopg.connect(os.environ["DATABASE_URL"])
times, after = [], 0
for _ in range(pages):
    started = time.perf_counter()
    cursor = connection.cursor()
    cursor.execute(f"select * from {relation} where id > %s order by id limit %s", (after, rows))
    page = cursor.fetchall()
    connection.commit()
    if not page:
        break
    after = page[-1][0]
    times.append(time.perf_counter() - started)
print(sorted(times)[len(times) // 2] * 1000)
"#;

fn psycopg(system: &System) -> Result<Option<f64>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "not a setting of a service: the Makefile passes the Python of the tests"
    )]
    let python = std::env::var_os("TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let script = tempfile::Builder::new().suffix(".py").tempfile()?;
    fs::write(script.path(), SCRIPT)?;
    let output = Command::new(python)
        .arg(script.path())
        .args([RELATION, &ROWS.to_string(), "50"])
        .env("DATABASE_URL", &system.database)
        .output()?;
    if output.status.code() == Some(3) {
        eprintln!("… psycopg is not installed: its page is left out");
        return Ok(None);
    }
    anyhow::ensure!(
        output.status.success(),
        "psycopg: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Some(String::from_utf8_lossy(&output.stdout).trim().parse()?))
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
