//! docs/reports/reader.md.

use super::{
    Measured, Options,
    fill::{LARGE_ROWS, ROW_BYTES},
    intake::Intake,
    memory::Memory,
    pages::Pages,
    slow_client::SlowClient,
    streams::{Streamed, Streams},
    waiting::Waiting,
};
use crate::{
    intake::median,
    large::room::size,
    machine::Fact,
    table::{
        Row,
        Target::{self, AtLeast, AtMost, None as NoTarget},
        markdown, number,
    },
};

const QUICK: &str =
    "These figures are only a trial with `--quick`: its runs are short, so they mean little.\n";

/// The page. What was not measured is left out.
pub fn page(options: &Options, measured: &Measured) -> String {
    let facts: String = measured
        .facts
        .iter()
        .map(|Fact { name, value }| format!("| {name} | {value} |\n"))
        .collect();
    let ratios = measured.intake.as_ref().map_or(String::new(), ratios);
    format!(
        "# What a reader costs\n\n\
         Written by `make bench-reader`; all figures are from one run. \
         `ROWS=300000` makes the table smaller, and prints this page instead of writing it.\n\
         {}\n## Machine\n\n| | |\n|---|---|\n{facts}\n## Results\n\n{}{ratios}\n{}",
        if options.quick { QUICK } else { "" },
        results(measured),
        method(measured),
    )
}

/// The table of what was measured.
pub fn results(measured: &Measured) -> String {
    let parts = [
        measured.pages.as_ref().map(of_pages),
        measured.streams.as_ref().map(of_streams),
        measured.memory.as_ref().map(of_memory),
        measured.waiting.as_ref().map(of_waiting),
        measured.slow_client.as_ref().map(of_slow_client),
        measured.intake.as_ref().map(of_intake),
    ];
    let figures: Vec<Row> = parts.into_iter().flatten().flatten().collect();
    markdown(&figures, &["current"])
}

fn row(name: impl Into<String>, target: Target, value: impl Into<Option<f64>>) -> Row {
    Row { name: name.into(), target, aim: None, values: vec![value.into()] }
}

fn of_pages(pages: &Pages) -> Vec<Row> {
    vec![
        row(
            "a page ÷ psql's time for the same page, one client",
            AtMost(2.0),
            pages.first / pages.psql,
        ),
        row("the same of eight clients, p99", AtMost(10.0), pages.eight_p99 / pages.psql),
        row("the last page ÷ the first", AtMost(1.2), pages.last / pages.first),
        row("a page with a filter that matches nothing [ms]", AtMost(500.0), pages.no_match),
        row("304 [ms]", AtMost(5.0), pages.unchanged_p50),
        row("304, p99 [ms]", NoTarget, pages.unchanged_p99),
        row("a page, one client [ms]", NoTarget, pages.first),
        row("a page with rows as lists, one client [ms]", NoTarget, pages.tabular),
        row("the last page [ms]", NoTarget, pages.last),
        row("a page, eight clients, p50 [ms]", NoTarget, pages.eight_p50),
        row("a page, eight clients, p99 [ms]", NoTarget, pages.eight_p99),
        row("`json_agg` of a page by psql [ms]", NoTarget, pages.psql),
        row("a page by psycopg [ms]", NoTarget, pages.psycopg),
        row("resident memory at its peak, after all pages [MiB]", NoTarget, pages.peak_mib),
    ]
}

fn of_streams(streams: &Streams) -> Vec<Row> {
    let mut rows = Vec::new();
    for streamed in &streams.formats {
        let least = if streamed.format == "parquet" { 0.6 } else { 0.8 };
        let name = format!("{}: rows/s ÷ those of `COPY` by psql", title(&streamed.format));
        rows.push(row(name, AtLeast(least), median(streamed.ratios.clone())));
    }
    rows.push(row("`COPY` by psql, rows/s", NoTarget, streams.copy_rows_per_second));
    let mut speed = |name: &str, streamed: &Streamed| {
        rows.push(row(format!("{name}, rows/s"), NoTarget, streamed.rows_per_second));
        rows.push(row(format!("{name}, MB/s"), NoTarget, streamed.megabytes_per_second));
        let memory = format!("{name}: resident memory at its peak [MiB]");
        rows.push(row(memory, AtMost(64.0), streamed.peak_mib));
    };
    for streamed in &streams.formats {
        speed(title(&streamed.format), streamed);
    }
    speed("CSV as gzip", &streams.packed);
    speed("XLSX", &streams.xlsx);
    rows
}

fn title(format: &str) -> &'static str {
    match format {
        "csv" => "CSV",
        "jsonl" => "JSON Lines",
        _ => "Parquet",
    }
}

fn of_memory(memory: &Memory) -> Vec<Row> {
    vec![
        row(
            format!(
                "eight clients page through {LARGE_ROWS} rows of 1 MiB: resident memory at its peak [MiB]"
            ),
            AtMost(40.0),
            memory.large_rows,
        ),
        row("resident memory after the start [MiB]", NoTarget, memory.idle),
    ]
}

fn of_waiting(waiting: &Waiting) -> Vec<Row> {
    vec![
        row("commit → a client that waits has the row, p99 [ms]", AtMost(150.0), waiting.p99),
        row("commit → a client that waits has the row, p50 [ms]", NoTarget, waiting.p50),
    ]
}

fn of_slow_client(slow: &SlowClient) -> Vec<Row> {
    vec![
        row(
            "a stream read at 10 KB/s: its oldest transaction [s]",
            AtMost(2.0),
            slow.oldest_transaction,
        ),
        row(
            "a stream read at 10 KB/s: share of the time with a busy session",
            AtMost(0.05),
            slow.busy_share,
        ),
        row(
            "a page of another client beside it, one connection for both, p99 [ms]",
            NoTarget,
            slow.page_p99,
        ),
    ]
}

fn of_intake(intake: &Intake) -> Vec<Row> {
    vec![
        row(
            "p99 of the intake at 30 % of its maximum, with a stream ÷ without",
            AtMost(1.3),
            median(intake.ratios()),
        ),
        row("p99 of the intake without a stream [ms]", NoTarget, median(intake.alone.clone())),
        row("p99 of the intake with a stream [ms]", NoTarget, median(intake.with_stream.clone())),
        row("maximum of the intake, forms/s", NoTarget, intake.highest),
    ]
}

fn ratios(intake: &Intake) -> String {
    let ratios: Vec<String> = intake.ratios().iter().map(|ratio| format!("{ratio:.2}")).collect();
    format!("\nIntake, ratio of each pair: {}.\n", ratios.join(" "))
}

fn method(measured: &Measured) -> String {
    let Measured { rows, rows_of_type, table_bytes, fill_seconds, .. } = measured;
    format!(
        "## Method\n\n\
         Clients, reader, services and PostgreSQL all run on the same cores. \
         The reader runs with its defaults, except that a client may ask as often as it likes, and with `MALLOC_ARENA_MAX=2` and `MALLOC_MMAP_THRESHOLD_=131072`, as in the image.\n\n\
         - **The table** `forms` has {} rows, of which {} are of the form type that is read; they have {ROW_BYTES} bytes of data and lie between the others. \
         The view has columns for text, numbers, a boolean, a date, a time and a list. \
         {LARGE_ROWS} more rows of another form type have 1 MiB each. The table takes {}, and was filled in {} s.\n\
         - **Settings of PostgreSQL**: `shared_buffers = 1GB`, `max_wal_size = 8GB`, `checkpoint_timeout = 15min`; the table is in the kernel's cache.\n\
         - **A page** has 1,000 rows with all columns, as a list of objects. psql gets the same with `json_agg`; its time is that of `\\timing`, without its start and its connection. \
         Reader and psql take turns; the figures are medians of 40 pages. psycopg reads rows, not JSON.\n\
         - **Eight clients** follow the relation from eight places, for 10 s.\n\
         - **A filter that matches nothing** looks at the values of `READER_SCAN_ROWS` rows, which is 100,000.\n\
         - **304** is the answer to a page that the client already has.\n\
         - **A stream** has all rows of the form type with all columns. The client throws the bytes away, and psql writes those of `COPY (select … order by id) TO STDOUT` to `/dev/null`. They take turns; the ratio is the median of the pairs.\n\
         - **Resident memory** is `VmHWM` of a reader that did nothing else.\n\
         - **A client that waits** asks with `wait=30`; then one row is committed.\n\
         - **10 KB/s**: a client reads 1,000 bytes of a CSV every 100 ms, for half a minute. We look at `pg_stat_activity` every 100 ms; a session is busy if it is not `idle`, once the buffers on the way are full. The reader has `READER_CONNECTIONS=1`.\n\
         - **The intake** is api, queue and a worker that stores the forms in the same table. Its maximum is that of the api with 64 connections. At 30 % of it, runs of 8 s without a stream and with a CSV that is read as fast as it comes take turns.\n",
        number(*rows as f64),
        number(*rows_of_type as f64),
        size(*table_bytes),
        number(*fill_seconds),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_verdicts_and_leaves_out_what_was_not_measured() {
        let streamed = |format: &str, ratio| Streamed {
            format: format.to_owned(),
            ratios: vec![ratio],
            peak_mib: 64.5,
            ..Streamed::default()
        };
        let measured = Measured {
            facts: vec![Fact { name: "cores", value: "2".to_owned() }],
            rows: 10_000_000,
            streams: Some(Streams {
                formats: vec![
                    streamed("csv", 0.79),
                    streamed("jsonl", 0.81),
                    streamed("parquet", 0.61),
                ],
                ..Streams::default()
            }),
            intake: Some(Intake {
                highest: 9000.0,
                alone: vec![1.0, 1.0, 1.0],
                with_stream: vec![1.2, 1.3, 9.0],
            }),
            ..Measured::default()
        };
        let options = Options {
            programs: "/".into(),
            quick: false,
            rows: measured.rows,
            pairs: 3,
            only: None,
        };
        let text = page(&options, &measured);
        // The rate of CSV, and the memory of three formats.
        assert_eq!(text.matches("**miss**").count(), 4, "{text}");
        for part in ["| cores | 2 |", "has 10,000,000 rows", "each pair: 1.20 1.30 9.00."] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("304 [ms]") && !text.contains("`--quick`"), "{text}");
    }
}
