//! docs/reports/large.md.

use super::{
    rates::{CONNECTIONS, Cost, Run},
    room::size,
    table::{FullIndex, Measured},
    upgrade::{LONGEST_PAUSE, Upgraded, Writing},
};
use crate::{
    intake::median,
    machine::Fact,
    table::{Row, Target, markdown, number},
};

const LOWEST_RATIO: f64 = 0.9;
const MOST_WAL: f64 = 2000.0;
const QUICK: &str = "These figures are only a trial with `--quick`: each run has a twentieth of the messages, so its rates mean little.\n";

/// The page. What was not measured is left out.
pub fn page(
    is_quick: bool,
    facts: &[Fact],
    table: Option<&Measured>,
    upgraded: Option<&Upgraded>,
) -> String {
    let facts: String =
        facts.iter().map(|Fact { name, value }| format!("| {name} | {value} |\n")).collect();
    format!(
        "# Large tables\n\n\
         Written by `make large`. `ROWS=300000` makes the tables smaller, `PAIRS=3` the runs fewer, and `MEMORY=512` gives PostgreSQL that many MiB; \
         with `ROWS` it prints this page and does not write it.\n\
         {}\
         \n## Machine\n\n| | |\n|---|---|\n{facts}{}{}",
        if is_quick { QUICK } else { "" },
        table.map_or(String::new(), of_table),
        upgraded.map_or(String::new(), of_upgrade),
    )
}

fn of_table(measured: &Measured) -> String {
    let (tuned, container) = (&measured.tuned, &measured.container);
    let ratios: Vec<String> = tuned.ratios().iter().map(|ratio| format!("{ratio:.2}")).collect();
    let row = |name: &str, target, value| Row {
        name: name.to_owned(),
        target,
        aim: None,
        values: vec![Some(value)],
    };
    let targets = [
        row(
            "worker rows/s in the large table ÷ in an empty one",
            Target::AtLeast(LOWEST_RATIO),
            median(tuned.ratios()),
        ),
        row(
            "WAL per row in the large table [bytes]",
            Target::AtMost(MOST_WAL),
            median_of(&tuned.large, |run| run.per_row.wal_bytes),
        ),
        row(
            "the same with the defaults of a container [bytes]",
            Target::None,
            median_of(&container.large, |run| run.per_row.wal_bytes),
        ),
        row("the first page of the published relation [ms]", Target::None, measured.pages.first),
        row("a page from the middle [ms]", Target::None, measured.pages.middle),
        row("the last page [ms]", Target::None, measured.pages.last),
    ];
    let pairs = tuned.large.len();
    let mut text = format!(
        "\n## A table with {} rows\n\n{}\n\
         Ratio of each of the {pairs} pairs: {}.\n\n",
        number(measured.rows as f64),
        markdown(&targets, &["current"]),
        ratios.join(" "),
    );
    text.push_str("| medians | rows/s | WAL bytes per row | pages read per row | bytes read from the disk per row |\n|---|---:|---:|---:|---:|\n");
    for (settings, rates) in
        [("settings of the page", tuned), ("defaults of a container", container)]
    {
        text.push_str(&line(&format!("large table, {settings}"), &rates.large));
        text.push_str(&line(&format!("empty table, {settings}"), &rates.empty));
    }
    if let Some(full) = &measured.full_index {
        text.push_str(&line(
            "large table, settings of the page, index of all message ids",
            &full.drained,
        ));
    }
    text + &method(measured) + &measured.full_index.as_ref().map_or(String::new(), wal)
}

fn whole(count: u64) -> String {
    if count < 1000 { count.to_string() } else { number(count as f64) }
}

fn line(name: &str, runs: &[Run]) -> String {
    let cost = |cost: fn(&Cost) -> f64| number(median_of(runs, |run| cost(&run.per_row)));
    format!(
        "| {name} | {} | {} | {} | {} |\n",
        number(median_of(runs, |run| run.rows_per_second)),
        cost(|cost| cost.wal_bytes),
        cost(|cost| cost.pages),
        cost(|cost| cost.disk_bytes),
    )
}

fn median_of(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(value).collect())
}

fn method(measured: &Measured) -> String {
    let Measured { rows, fill_seconds, table_bytes, index_bytes, memory, shared_buffers, .. } =
        measured;
    let limit = match memory {
        0 => "The memory of PostgreSQL was not limited.".to_owned(),
        memory => {
            let fits = if memory < index_bytes { "less than" } else { "**not less than**" };
            format!(
                "PostgreSQL was in a control group with {} MiB for its processes and the kernel's cache of its files together: {fits} its indexes need. \
                 Before each start, the cache forgot its files.",
                memory >> 20
            )
        }
    };
    format!(
        "\n- **The table** has {} rows of 200 bytes of data, with UUIDv7 submission ids, random SQS message ids, no digest of a schema and no trace, and with the indexes of a new database. \
         It takes {}, and the indexes {}. It was filled in {} s.\n\
         - **Memory**: {limit}\n\
         - **Looking up** a random submission id in its index read {} bytes from the disk.\n\
         - **A run**: after a checkpoint, a worker with {CONNECTIONS} connections stores a full queue of registrations of 200 bytes. \
         The runs with the large table and with an empty one alternate, in two databases of the same server.\n\
         - **Settings of the page**: those of [Tune PostgreSQL](../how-to/tune-postgresql.md), with `max_wal_size = 8GB`, `checkpoint_timeout = 15min`, and `shared_buffers = {shared_buffers}`, a quarter of the memory.\n\
         - **Defaults of a container**: `max_wal_size = 1GB`, `checkpoint_timeout = 5min`, `shared_buffers = 128MB`.\n\
         - **Pages read** were not in `shared_buffers`. Those **read from the disk** were not in the kernel's cache either.\n\
         - **A page** has 1,000 rows with all columns, as JSON; the median of five times, so it is mostly in memory.\n",
        number(*rows as f64),
        size(*table_bytes),
        size(*index_bytes),
        number(*fill_seconds),
        number(measured.disk_bytes_per_lookup),
    )
}

fn wal(full: &FullIndex) -> String {
    let FullIndex { bytes, build_seconds, inserted_rows, wal, wal_of_new, .. } = full;
    format!(
        "\n## WAL and the index of all message ids\n\n\
         | WAL bytes per row | settings of the page | defaults of a container |\n|---|---:|---:|\n\
         | index of a new database | {} | {} |\n\
         | index of all message ids | {} | {} |\n\n\
         Four connections inserted {} rows (half of that with the defaults) as the worker does, after a checkpoint and without a limit of memory.\n\
         A database of the release before has the index of all message ids until `worker finish-move`. It takes {} here, and `worker finish-move --back` built it in {} s.\n",
        number(wal_of_new.tuned),
        number(wal_of_new.container),
        number(wal.tuned),
        number(wal.container),
        number(*inserted_rows as f64),
        size(*bytes),
        number(*build_seconds),
    )
}

fn of_upgrade(upgraded: &Upgraded) -> String {
    let milliseconds = |writing: &Writing| writing.longest.as_secs_f64() * 1000.0;
    let row = |name: &str, target, value| Row {
        name: name.to_owned(),
        target,
        aim: None,
        values: vec![Some(value)],
    };
    let limit = Target::AtMost(LONGEST_PAUSE.as_secs_f64() * 1000.0);
    let rows = [
        row(
            "longest insert during `worker migrate` [ms]",
            limit,
            milliseconds(&upgraded.during_migrate),
        ),
        row(
            "longest insert during `worker finish-move` [ms]",
            limit,
            milliseconds(&upgraded.during_finish_move),
        ),
        row(
            "inserts that waited for a lock for a second",
            Target::AtMost(0.0),
            (upgraded.during_migrate.blocked + upgraded.during_finish_move.blocked) as f64,
        ),
        row("migrations [s]", Target::None, upgraded.migrations_seconds),
        row("views and index for readers, after that [s]", Target::None, upgraded.indexes_seconds),
        row("`worker finish-move` [s]", Target::None, upgraded.finish_move_seconds),
    ];
    format!(
        "\n## The migration of {} rows of the last release\n\n{}\n\
         A writer inserted ten rows at a time with the statement of the last release, as fast as it could: {} inserts during `worker migrate` and {} during `worker finish-move`. \
         No row is missing.\n\
         After `worker migrate`, `pg_dump --schema-only` shows the schema of a new database after `worker finish-move --back`. After `worker finish-move`, it shows that of a new one.\n",
        number(upgraded.rows as f64),
        markdown(&rows, &["current"]),
        whole(upgraded.during_migrate.inserts),
        whole(upgraded.during_finish_move.inserts),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::large::rates::Rates;

    #[test]
    fn the_page_has_the_verdicts_and_leaves_out_what_was_not_measured() {
        let run = |rows_per_second, wal_bytes| Run {
            rows_per_second,
            per_row: Cost { wal_bytes, ..Cost::default() },
        };
        let rates = || Rates { empty: vec![run(100.0, 500.0)], large: vec![run(89.0, 2001.0)] };
        let measured = Measured {
            rows: 30_000_000,
            index_bytes: 2 << 30,
            memory: 1 << 30,
            tuned: rates(),
            container: rates(),
            ..Measured::default()
        };
        let facts = [Fact { name: "cores", value: "2".to_owned() }];
        let text = page(false, &facts, Some(&measured), None);
        assert_eq!(text.matches("**miss**").count(), 2, "{text}");
        for part in ["| cores | 2 |", "A table with 30,000,000 rows", "1024 MiB", "less than its"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("The migration of") && !text.contains("## WAL"), "{text}");
        let text = page(false, &facts, None, Some(&Upgraded::default()));
        assert_eq!(text.matches(" pass ").count(), 3, "{text}");
    }
}
