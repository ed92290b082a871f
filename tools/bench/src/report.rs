//! docs/reports/benchmarks.md and its pictures, from one run.

use std::{fmt::Write, fs, path::Path};

use crate::{
    intake::Step,
    plots::Plot,
    table::{Measured, number},
    through,
};

/// What a run adds to its table: sweeps over one setting, of the current revision.
pub struct Sweeps {
    /// `WORKER_POLLERS`, rows per second at 0 ms and at 20 ms.
    pub pollers: Vec<(usize, f64, f64)>,
    /// `WORKER_BATCH_ROWS`, rows per second of a worker with one connection, and of the bare loop.
    pub batches: Vec<(usize, f64, f64)>,
}

/// Writes the document and the pictures below `docs`; `counts` is what [`crate::count`] left there.
///
/// # Errors
/// A file cannot be written.
pub fn write(
    docs: &Path,
    facts: &[(&'static str, String)],
    table: &str,
    measured: &Measured,
    sweeps: &Sweeps,
) -> anyhow::Result<()> {
    let pictures = docs.join("benchmarks");
    fs::create_dir_all(&pictures)?;
    draw(&pictures, measured, sweeps)?;
    let counts = fs::read_to_string(pictures.join("instructions.md")).unwrap_or_default();
    fs::write(docs.join("benchmarks.md"), document(facts, table, measured, &counts))?;
    Ok(())
}

fn document(
    facts: &[(&'static str, String)],
    table: &str,
    measured: &Measured,
    counts: &str,
) -> String {
    let mut text = String::from(
        "# Benchmarks\n\n\
         Written by `make bench`, all figures from one run.\n\
         `make bench BASE=<revision>` measures the services of another revision in between and shows both.\n\
         `make bench BACKLOG=1000000` drains a backlog of that size instead of 200,000 messages.\n\n\
         ## Where\n\n| | |\n|---|---|\n",
    );
    for (what, value) in facts {
        let _ = writeln!(text, "| {what} | {value} |");
    }
    let _ = write!(text, "\n## What\n\n{table}\n{}", how(measured));
    for (file, title) in [
        ("throughput", "Throughput against connections"),
        ("latency-0ms", "Latency of an answer against offered load, no round trip to SQS"),
        ("latency-20ms", "Latency of an answer against offered load, 20 ms round trip to SQS"),
        ("calls", "Send calls per submission against load"),
        ("pollers", "Drain rate against pollers"),
        ("batches", "Drain rate against batch size"),
        ("memory", "Memory over time"),
        ("backlog", "A backlog over time"),
    ] {
        let _ = writeln!(text, "\n### {title}\n\n![{title}](benchmarks/{file}.svg)");
    }
    if !counts.is_empty() {
        let _ = write!(text, "\n{counts}");
    }
    text
}

fn how(measured: &Measured) -> String {
    format!(
        "\n## How\n\n\
         Everything runs on the same cores: the load generator, the service, the queue, PostgreSQL.\n\
         A form is a registration of 1,024 bytes, checked against `deploy/form-types/registration.schema.json`; each is another, and signed beforehand.\n\
         The services run with their defaults, where nothing else is said, and like the images with `MIMALLOC_PURGE_DELAY=0`.\n\
         The queue is local-sqs in memory.\n\
         Where calls are counted or answers delayed it is the build with the fault hooks, which reads each request twice; \
         everything else (accepted/s with 64 connections at 0 ms, worker rows/s, POST → row visible) is measured with the build as it is shipped.\n\
         \"20 ms\" is a delay that the queue adds to every answer.\n\n\
         - **Latency** is counted from when a request was due, not from when it could be sent; the generator's own lateness (under 0.2 ms as a rule) is in it.\n\
         - **accepted/s**: each connection sends its next form when it has the answer to the last; the median of three runs of 4 s, in turns with the null sink.\n\
         - **The null sink** is an actix server of the same route: it reads the body, checks signature and schema, makes the message, gives the same answer, and sends nothing. \
         Limits, trace and logs of the api are not in it, so that they count against the api.\n\
         - **Load** is a share of what was accepted per second at the most, at the same round trip (over 64 connections without one, over 256 with 20 ms).\n\
         - **Raw calls** are `SendMessageBatch` calls of the generator, at the rate and with the number of entries that the api made at that load; with one connection, of one entry.\n\
         - **The bare insert loop** calls the store's own insert with records made beforehand, over one connection. \"Same batch\" is the average number of rows in an insert of the worker with one connection ({} here).\n\
         - **worker rows/s** is counted in the table, from the first row that was seen to the last.\n\
         - **POST → row visible**: the table is looked at every {} ms.\n\
         - **Memory** is `VmHWM`, the most that was ever resident, and `VmRSS` over time.\n\
         - **Steady**: the time from 5 % to 95 % of the drain is cut in five; growth is what the worker held in the last fifth more than in the second.\n\n\
         ## Lines\n",
        number(measured.one_connection.batch),
        through::LOOK.as_millis(),
    )
}

fn draw(pictures: &Path, measured: &Measured, sweeps: &Sweeps) -> anyhow::Result<()> {
    let plot = |file: &str, plot: Plot| plot.draw(&pictures.join(format!("{file}.svg")));
    let by_connections = &measured.throughput.by_connections;
    plot(
        "throughput",
        Plot {
            title: "Throughput against connections, 0 ms",
            x: "connections",
            y: "accepted per second",
            doubling: true,
            lines: vec![
                (
                    "api with local-sqs",
                    by_connections.iter().map(|(n, api, _)| (*n as f64, *api)).collect(),
                ),
                (
                    "null sink",
                    by_connections.iter().map(|(n, _, null)| (*n as f64, *null)).collect(),
                ),
            ],
        },
    )?;
    for (file, title, steps) in [
        ("latency-0ms", "Latency of an answer, 0 ms round trip", &measured.at_once.steps),
        ("latency-20ms", "Latency of an answer, 20 ms round trip", &measured.delayed.steps),
    ] {
        let line =
            |of: fn(&Step) -> f64| steps.iter().map(|step| (step.per_second, of(step))).collect();
        let lines =
            vec![("p50", line(|s| s.p50)), ("p99", line(|s| s.p99)), ("p99.9", line(|s| s.p999))];
        plot(file, Plot { title, x: "forms per second", y: "ms", doubling: false, lines })?;
    }
    let calls = |steps: &[Step]| steps.iter().map(|step| (step.per_second, step.calls)).collect();
    plot(
        "calls",
        Plot {
            title: "Send calls per submission",
            x: "forms per second",
            y: "calls per submission",
            doubling: false,
            lines: vec![
                ("0 ms", calls(&measured.at_once.steps)),
                ("20 ms", calls(&measured.delayed.steps)),
            ],
        },
    )?;
    let first =
        |points: &[(usize, f64, f64)]| points.iter().map(|(x, y, _)| (*x as f64, *y)).collect();
    let second =
        |points: &[(usize, f64, f64)]| points.iter().map(|(x, _, y)| (*x as f64, *y)).collect();
    plot(
        "pollers",
        Plot {
            title: "Drain rate against WORKER_POLLERS",
            x: "pollers",
            y: "rows per second",
            doubling: true,
            lines: vec![("0 ms", first(&sweeps.pollers)), ("20 ms", second(&sweeps.pollers))],
        },
    )?;
    plot(
        "batches",
        Plot {
            title: "Drain rate against WORKER_BATCH_ROWS, one connection",
            x: "rows in an insert at the most",
            y: "rows per second",
            doubling: true,
            lines: vec![
                ("worker", first(&sweeps.batches)),
                ("bare insert loop", second(&sweeps.batches)),
            ],
        },
    )?;
    plot(
        "memory",
        Plot {
            title: "Resident memory under load",
            x: "seconds",
            y: "MiB",
            doubling: false,
            lines: vec![
                ("api, 64 connections", measured.throughput.memory.clone()),
                ("worker, backlog", measured.backlog.memory.clone()),
            ],
        },
    )?;
    plot(
        "backlog",
        Plot {
            title: "A backlog being drained",
            x: "seconds",
            y: "rows",
            doubling: false,
            lines: vec![("rows", measured.backlog.progress.clone())],
        },
    )
}
