//! docs/reports/benchmarks.md and its plots, from one run.

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;

use crate::{
    drain::Progress,
    end_to_end,
    intake::AtLoad,
    machine::Fact,
    measure::Measured,
    memory::MemorySample,
    plots::{Line, Plot},
    sweep::Sweeps,
    table::number,
};

/// Writes the page and its plots below `docs`, with the section that [`crate::count`] left there.
pub fn write(
    docs: &Path,
    facts: &[Fact],
    table: &str,
    measured: &Measured,
    sweeps: &Sweeps,
) -> Result<()> {
    let plots = docs.join("benchmarks");
    fs::create_dir_all(&plots)?;
    draw(&plots, measured, sweeps)?;
    let instructions = fs::read_to_string(plots.join("instructions.md")).unwrap_or_default();
    fs::write(docs.join("benchmarks.md"), page(facts, table, measured, &instructions)?)?;
    Ok(())
}

fn page(facts: &[Fact], table: &str, measured: &Measured, instructions: &str) -> Result<String> {
    let mut text = String::from(
        "# Benchmarks\n\n\
         Written by `make bench`; all figures are from one run.\n\
         `make bench BASE=<revision>` also measures the services of another revision, in turns with the current one, and shows both.\n\
         `make bench BACKLOG=1000000` drains a backlog of that size instead of 200,000 messages.\n\n\
         ## Machine\n\n| | |\n|---|---|\n",
    );
    for Fact { name, value } in facts {
        writeln!(text, "| {name} | {value} |")?;
    }
    write!(text, "\n## Results\n\n{table}\n{}", method(measured))?;
    for (file, title) in [
        ("throughput", "Throughput by number of connections"),
        ("latency-0ms", "Latency of an answer by offered load, no round trip to SQS"),
        ("latency-20ms", "Latency of an answer by offered load, 20 ms round trip to SQS"),
        ("calls", "Send calls per submission by load"),
        ("pollers", "Drain rate by number of pollers"),
        ("batches", "Drain rate by batch size"),
        ("memory", "Memory over time"),
        ("backlog", "A backlog over time"),
    ] {
        writeln!(text, "\n### {title}\n\n![{title}](benchmarks/{file}.svg)")?;
    }
    if !instructions.is_empty() {
        write!(text, "\n{instructions}")?;
    }
    Ok(text)
}

fn method(measured: &Measured) -> String {
    format!(
        "## Method\n\n\
         The load generator, the service, the queue and PostgreSQL all run on the same cores.\n\
         Each form is a different registration of 1,024 bytes, valid under `deploy/form-types/registration.schema.json` and signed in advance.\n\
         The services run with their defaults unless a line says otherwise, and with `MIMALLOC_PURGE_DELAY=0`, as in the images.\n\
         The queue is local-sqs in memory.\n\
         To count calls or delay answers, we use the build with fault hooks, which reads each request twice. \
         Everything else (accepted/s with 64 connections at 0 ms, worker rows/s, POST → row visible) is measured with the build that we ship.\n\
         \"20 ms\" is a delay that the queue adds to every answer.\n\n\
         - **Latency** is counted from the moment a request was due, not from the moment it could be sent. It includes the generator's own lateness, usually under 0.2 ms.\n\
         - **accepted/s**: each connection sends its next form when it has the answer to the last. The figure is the median of three runs of 4 s, which alternate with the null sink.\n\
         - **The null sink** is an actix server with the same route: it reads the body, checks signature and schema, builds the message, gives the same answer, and sends nothing. \
         It leaves out the limits, trace and logs of the api, so their cost counts against the api.\n\
         - **Load** is a share of the highest accepted rate at the same round trip, over 64 connections without one and over 256 with 20 ms.\n\
         - **Raw calls** are `SendMessageBatch` calls that the generator makes directly, at the rate and with the number of entries that the api used at that load. Over one connection, each call has one entry.\n\
         - **The bare insert loop** calls the store's own insert with prepared records, over one connection. \"Same batch\" is the average number of rows in an insert of the worker with one connection ({} here).\n\
         - **worker rows/s** is counted in the table, from the first row seen to the last.\n\
         - **POST → row visible**: the generator looks at the table, and at the view `submissions.registration`, every {} ms.\n\
         - **A page** is the first of that view, with all columns; the figure is the median of five times.\n\
         - **Memory** is `VmHWM`, the peak of resident memory, and in the plot `VmRSS` over time.\n\
         - **Backlog**: the time from 5 % to 95 % of the drain is cut into fifths to find the slowest. Memory growth is how much more the worker held in the last fifth of the drain than in the second.\n\n\
         ## Plots\n",
        number(measured.one_connection.rows_per_insert),
        end_to_end::POLL_INTERVAL.as_millis(),
    )
}

fn draw(directory: &Path, measured: &Measured, sweeps: &Sweeps) -> Result<()> {
    let draw = |file: &str, plot: Plot| plot.draw(&directory.join(format!("{file}.svg")));
    draw("throughput", throughput(measured))?;
    let (at_0_ms, at_20_ms) = (&measured.latency.by_load, &measured.latency_delayed.by_load);
    draw("latency-0ms", latency("Latency of an answer, 0 ms round trip", at_0_ms))?;
    draw("latency-20ms", latency("Latency of an answer, 20 ms round trip", at_20_ms))?;
    draw("calls", calls(measured))?;
    draw("pollers", pollers(sweeps))?;
    draw("batches", batches(sweeps))?;
    draw("memory", memory(measured))?;
    draw("backlog", backlog(measured))
}

fn throughput(measured: &Measured) -> Plot<'static> {
    let all = &measured.throughput.by_connections;
    Plot {
        title: "Throughput by connections, 0 ms",
        x: "connections",
        y: "accepted per second",
        doubling: true,
        lines: vec![
            Line::through("api with local-sqs", all, |at| at.connections as f64, |at| at.api),
            Line::through("null sink", all, |at| at.connections as f64, |at| at.null_sink),
        ],
    }
}

fn latency<'a>(title: &'a str, by_load: &[AtLoad]) -> Plot<'a> {
    let line = |name, latency| Line::through(name, by_load, |at| at.per_second, latency);
    Plot {
        title,
        x: "forms per second",
        y: "ms",
        doubling: false,
        lines: vec![
            line("p50", |at: &AtLoad| at.p50),
            line("p99", |at: &AtLoad| at.p99),
            line("p99.9", |at: &AtLoad| at.p999),
        ],
    }
}

fn calls(measured: &Measured) -> Plot<'static> {
    let line =
        |name, by_load: &[AtLoad]| Line::through(name, by_load, |at| at.per_second, |at| at.calls);
    Plot {
        title: "Send calls per submission",
        x: "forms per second",
        y: "calls per submission",
        doubling: false,
        lines: vec![
            line("0 ms", &measured.latency.by_load),
            line("20 ms", &measured.latency_delayed.by_load),
        ],
    }
}

fn pollers(sweeps: &Sweeps) -> Plot<'static> {
    let all = &sweeps.pollers;
    Plot {
        title: "Drain rate by WORKER_POLLERS",
        x: "pollers",
        y: "rows per second",
        doubling: true,
        lines: vec![
            Line::through("0 ms", all, |with| with.pollers as f64, |with| with.at_0_ms),
            Line::through("20 ms", all, |with| with.pollers as f64, |with| with.at_20_ms),
        ],
    }
}

fn batches(sweeps: &Sweeps) -> Plot<'static> {
    let all = &sweeps.batches;
    Plot {
        title: "Drain rate by WORKER_BATCH_ROWS, one connection",
        x: "rows in an insert at most",
        y: "rows per second",
        doubling: true,
        lines: vec![
            Line::through("worker", all, |with| with.rows as f64, |with| with.worker),
            Line::through(
                "bare insert loop",
                all,
                |with| with.rows as f64,
                |with| with.bare_insert,
            ),
        ],
    }
}

fn memory(measured: &Measured) -> Plot<'static> {
    let line = |name, samples: &[MemorySample]| {
        Line::through(name, samples, |sample| sample.at_s, |sample| sample.mib)
    };
    Plot {
        title: "Resident memory under load",
        x: "seconds",
        y: "MiB",
        doubling: false,
        lines: vec![
            line("api, 64 connections", &measured.throughput.memory),
            line("worker, backlog", &measured.backlog.memory),
        ],
    }
}

fn backlog(measured: &Measured) -> Plot<'static> {
    let at_s = |progress: &Progress| progress.at_s;
    Plot {
        title: "A backlog being drained",
        x: "seconds",
        y: "rows",
        doubling: false,
        lines: vec![Line::through("rows", &measured.backlog.progress, at_s, |at| at.rows)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        intake::AtConnections,
        sweep::{WithBatches, WithPollers},
    };

    fn measured() -> Measured {
        let mut measured = Measured::default();
        let memory = [0.0, 1.0].map(|at_s| MemorySample { at_s, mib: 30.0 });
        measured.throughput.memory = memory.to_vec();
        measured.throughput.by_connections = [1, 64]
            .map(|connections| AtConnections { connections, api: 1.0, null_sink: 2.0 })
            .into();
        let by_load = |per_second| AtLoad { per_second, p50: 1.0, p99: 2.0, p999: 3.0, calls: 0.1 };
        measured.latency.by_load = [100.0, 200.0].map(by_load).into();
        measured.latency_delayed.by_load = [100.0, 200.0].map(by_load).into();
        measured.backlog.memory = memory.to_vec();
        measured.backlog.progress = [0.0, 1.0].map(|at_s| Progress { at_s, rows: 5.0 }).into();
        measured
    }

    #[test]
    fn the_page_has_facts_figures_and_instructions_and_every_plot_exists() {
        let docs = tempfile::tempdir().unwrap();
        let plots = docs.path().join("benchmarks");
        fs::create_dir_all(&plots).unwrap();
        fs::write(plots.join("instructions.md"), "## Instructions per submission\n").unwrap();
        let sweeps = Sweeps {
            pollers: vec![WithPollers { pollers: 1, at_0_ms: 1.0, at_20_ms: 2.0 }],
            batches: vec![WithBatches { rows: 10, worker: 1.0, bare_insert: 2.0 }],
        };
        let facts = [Fact { name: "cores", value: "2".to_owned() }];
        write(docs.path(), &facts, "| a table |\n", &measured(), &sweeps).unwrap();

        let page = fs::read_to_string(docs.path().join("benchmarks.md")).unwrap();
        for part in ["| cores | 2 |", "| a table |", "## Method", "## Instructions per submission"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        let files = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let files: Vec<&str> = files.collect();
        assert_eq!(files.len(), 8, "{page}");
        for file in files {
            assert!(docs.path().join(file).is_file(), "{file}");
        }
    }
}
